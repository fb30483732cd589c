import { expect, test } from 'vitest';
import { noBrowser, startBrowser } from '../../../../test/support/browser.ts';
import { makeProject, startGopush } from '../../../../test/support/cli.ts';

test.skipIf(noBrowser)('two tabs of the page meet in a room and hear each other', async () => {
  const { dir, url } = await makeProject();
  const running = startGopush(['start'], { cwd: dir });
  const browser = await startBrowser();
  await running.until(/gopush is ready/);
  const errors: string[] = [];
  const openTab = async () => {
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(url);
    await page.getByText('connected', { exact: true }).waitFor();
    await page.locator('#enter button').click();
    await page.locator('#room', { hasText: 'lobby' }).waitFor();
    return page;
  };
  const [ann, bob] = [await openTab(), await openTab()];
  expect(await ann.locator('#uid').textContent()).toMatch(/^guest-/);
  expect(await ann.locator('#agent').textContent()).toBe('agent-0');
  expect(await ann.locator('#server').textContent()).toMatch(/^push-server-[01]$/);
  expect(await bob.locator('#uid').textContent()).not.toBe(await ann.locator('#uid').textContent());

  await ann.fill('#message', 'hello <b>bob</b>');
  await ann.click('#send');
  await bob.locator('#log li', { hasText: 'hello <b>bob</b>' }).waitFor();
  await bob.fill('#message', 'hello yourself');
  await bob.click('#send');
  await ann.locator('#log li', { hasText: 'hello yourself' }).waitFor();
  expect(errors).toEqual([]);
});
