import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startProject } from 'gopush/testing';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createProject } from '../../packages/create/src/create-project.ts';
import type { TemplateName } from '../../packages/create/src/names.ts';
import { linkPackages } from '../../packages/create/test/support/linked-packages.ts';
import { noBrowser, openBrowser } from '../support/browser.ts';
import { makeFolder } from '../support/cli.ts';
import { lookAt } from '../support/look-at.ts';

const errors: string[] = [];

let browser: Browser;
let closeBrowser = async (): Promise<void> => {};

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  browser = await openBrowser((close) => {
    closeBrowser = close;
  });
});
afterAll(() => closeBrowser());

/** Starts a project of a template in this process; it ends with the test. */
async function startTemplate(template: TemplateName, before?: (dir: string) => Promise<void>) {
  const folder = await makeFolder();
  await linkPackages(folder);
  const dir = join(folder, template);
  await createProject({ dir, template, typescript: false, force: false });
  await before?.(dir);
  const project = await startProject({ dir });
  onTestFinished(project.close);
  return project;
}

/** Opens a page as somebody else: with cookies of its own. */
async function openPage(url: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  return page;
}

test.skipIf(noBrowser)(
  'on the page of the chat two people sign up and talk, and one who comes later reads it',
  async () => {
    const { url } = await startTemplate('chat');
    // The project reads it from its .env, into the environment of this process.
    onTestFinished(() => void delete process.env.SESSION_SECRET);
    const signUp = async (name: string): Promise<Page> => {
      const page = await openPage(url);
      await page.fill('#name', name);
      await page.fill('#password', 'correct horse');
      await page.getByRole('button', { name: 'Sign up' }).click();
      await page.locator('#online li', { hasText: name }).waitFor();
      return page;
    };
    const ann = await signUp('ann');
    const bob = await signUp('bob');
    await ann.locator('#online li', { hasText: 'bob' }).waitFor();
    await ann.fill('#text', 'hello <b>bob</b>');
    await ann.getByRole('button', { name: 'Send' }).click();
    await bob.locator('#messages li', { hasText: 'hello <b>bob</b>' }).waitFor();
    expect(await ann.locator('#messages li').count()).toBe(1);
    await lookAt(ann, 'template-chat');
    await bob.reload();
    await bob.locator('#messages li', { hasText: 'ann hello' }).waitFor();

    await bob.getByRole('button', { name: 'Sign out' }).click();
    await ann.locator('#online li', { hasText: 'bob' }).waitFor({ state: 'detached' });
    await bob.fill('#name', 'bob');
    await bob.fill('#password', 'a wrong one');
    await bob.getByRole('button', { name: 'Sign in' }).click();
    await bob.getByText('wrong name or password').waitFor();
    await lookAt(bob, 'template-chat-door');
    expect(errors).toEqual([]);
  },
);

test.skipIf(noBrowser)('the page of notify hears a message in three ways', async () => {
  const { url, push } = await startTemplate('notify');
  const page = await openPage(url);
  await expect.poll(() => page.getByText('listening', { exact: true }).count()).toBe(3);
  await push?.toRoom('news', 'note', 'hello');
  await expect.poll(() => page.locator('li', { hasText: 'hello' }).count()).toBe(3);
  await lookAt(page, 'template-notify');
  expect(errors).toEqual([]);
});

test.skipIf(noBrowser)('the page of the proxy shows a visitor who stays on one back end', async () => {
  const { url } = await startTemplate('proxy', async (dir) => {
    const { startBackend } = await import(pathToFileURL(join(dir, 'backend.js')).href);
    const backends = await Promise.all([startBackend(0), startBackend(0)]);
    process.env.BACKEND_PORTS = backends.map(({ port }) => port).join();
    onTestFinished(() => {
      delete process.env.BACKEND_PORTS;
      for (const { close } of backends) close();
    });
  });
  const page = await openPage(url);
  await page.locator('#port', { hasText: 'port ' }).waitFor();
  const port = (await page.locator('#port').textContent())?.replace('port ', '');
  await page.fill('#text', 'hello');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText(`${port} heard hello`).waitFor();
  await lookAt(page, 'template-proxy');
  await page.reload();
  await page.locator('#port', { hasText: `port ${port}` }).waitFor();
  expect(errors).toEqual([]);
});

test.skipIf(noBrowser)('the page of minimal can be read by everybody', async () => {
  const { url } = await startTemplate('minimal');
  const page = await openPage(url);
  await page.getByRole('button', { name: 'Enter' }).click();
  await page.locator('#room', { hasText: 'lobby' }).waitFor();
  await page.fill('#message', 'hello');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('#log li', { hasText: 'hello' }).waitFor();
  await lookAt(page, 'template-minimal');
  expect(errors).toEqual([]);
});
