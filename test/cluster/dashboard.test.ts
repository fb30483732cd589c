import { gzipSync } from 'node:zlib';
import type { BrowserContextOptions } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { startCluster } from '../support/cluster.ts';
import { connectClient } from '../support/socket-io.ts';
import { violationsOf } from '../support/violations-of.ts';

const operator = { name: 'ops', key: 'a-key-of-an-operator-of-it' };

/** The page of a node, and what the browser complained of. */
async function open(url: string, options: BrowserContextOptions = {}) {
  const browser = await startBrowser();
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(url);
  return { page, problems };
}

test('the page is small, offline and without inline code', async () => {
  const { agent } = await startCluster();
  const sizes: number[] = [];
  for (const path of ['/', '/dashboard.js', '/dashboard.css']) {
    const response = await fetch(agent.adminUrl + path);
    const text = await response.text();
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    if (path === '/') expect(text).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=|https?:/);
    sizes.push(gzipSync(text).length);
  }
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120_000);
});

test.skipIf(noBrowser !== undefined).each([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
] as [string, BrowserContextOptions][])(
  'it shows nodes, map, charts and rooms, and a push-server that drains and ends: %s',
  { timeout: 120_000 },
  async (name, options) => {
    const { agent, servers } = await startCluster();
    const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await ann.emitWithAck('go:join', 'lobby');
    const timer = setInterval(() => ann.emit('go:publish', { room: 'lobby', event: 'chat', message: 1 }), 20);
    onTestFinished(() => clearInterval(timer));
    const { page, problems } = await open(agent.adminUrl as string, options);
    await page.getByRole('row', { name: /server-1.*ready/ }).waitFor();
    await page.getByRole('row', { name: /lobby/ }).waitFor();
    await page.getByRole('status').getByText('all is well').waitFor();
    expect(await page.locator('figure').count()).toBe(8);
    const map = page.getByRole('img', { name: /From agents to products to targets/ });
    expect(await map.getAttribute('aria-label')).toMatch(/product default.*1 connections/);
    await expect.poll(() => page.locator('.legend').first().textContent(), { timeout: 30_000 }).toMatch(/[1-9]/);
    expect(await violationsOf(page)).toEqual([]);
    const isWide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    expect(isWide).toBe(false);
    const connections = page.getByRole('button', { name: 'connections' });
    await connections.focus();
    await page.keyboard.press('Enter');
    await page.locator('th[aria-sort=descending]', { hasText: 'connections' }).waitFor();
    await servers[1]?.close();
    await page.getByRole('row', { name: /server-1.*left/ }).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'server-1 ended by plan' }).waitFor();
    if (process.env.SCREENSHOTS !== undefined) {
      await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png`, fullPage: true });
    }
    expect(problems).toEqual([]);
  },
);

test.skipIf(noBrowser !== undefined)('where a key is needed it asks for one, and says when it is wrong', async () => {
  const { agent } = await startCluster({ admin: { agentPort: 0, serverPort: 0, keys: [operator] } });
  // As if it came from another machine.
  const { page } = await open(agent.adminUrl as string, { extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.9' } });
  const field = page.getByLabel(/Key/);
  await field.fill('a-wrong-key');
  await page.keyboard.press('Enter');
  await page.getByText('the key is none of admin.keys').waitFor();
  await field.fill(operator.key);
  await page.keyboard.press('Enter');
  await page.getByRole('row', { name: /agent-0.*ready/ }).waitFor();
  expect(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage }))).toBe('{}');
});

test.skipIf(noBrowser !== undefined)(
  'with a key it looks up users, rooms, routes and failures, sends a test message and disconnects a user',
  { timeout: 120_000 },
  async () => {
    const { agent, servers } = await startCluster({ admin: { agentPort: 0, serverPort: 0, keys: [operator] } });
    const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await ann.emitWithAck('go:join', 'lobby');
    const { page, problems } = await open(servers[0]?.adminUrl as string);
    const look = async (what: string, name: string): Promise<void> => {
      await page.getByLabel('What').selectOption({ label: what });
      await page.getByLabel('Name').fill(name);
      await page.keyboard.press('Enter');
    };
    await look('User (uid)', 'ann');
    await page.getByLabel(/Key/).fill(operator.key);
    await page.keyboard.press('Enter');
    const found = page.locator('.found').first();
    await found.getByText('name server-').waitFor();
    await look('Failure code', 'uid_missing');
    await found.getByText('430').waitFor();
    await look('Room', 'lobby');
    await found.getByText('uid ann · devices 1').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    const heard = new Promise((resolve) => ann.once('test', resolve));
    await page.getByRole('button', { name: 'Send to this room' }).click();
    await page.getByText('The message was sent.').waitFor();
    expect(JSON.stringify(await heard)).toContain('hello');
    await look('User (uid)', 'ann');
    const gone = new Promise((resolve) => ann.once('disconnect', resolve));
    await page.getByRole('button', { name: 'Disconnect this user' }).click();
    await page.getByRole('button', { name: 'Disconnect: really?' }).click();
    expect(await gone).toBe('io server disconnect');
    // Chromium writes a line about the request without a key.
    expect(problems.filter((text) => !text.includes('401'))).toEqual([]);
    await page.goto(agent.adminUrl as string);
    await look('Where a user would go (uid)', 'ann');
    await page.getByLabel(/Key/).fill(operator.key);
    await page.keyboard.press('Enter');
    await found.getByText(/a list: 2 targets/).waitFor();
  },
);
