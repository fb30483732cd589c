import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { startCluster } from '../support/cluster.ts';
import { connectClient } from '../support/socket-io.ts';

const operator = { name: 'ops', key: 'a-key-of-an-operator-of-it' };

/** Violations of the rules of axe-core, in words. */
async function violationsOf(page: Page): Promise<string[]> {
  // By the debugger's protocol: the policy of the page allows no other scripts.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe.source });
  const { result } = await session.send('Runtime.evaluate', {
    expression:
      'axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 160))].join(" | "))))',
    awaitPromise: true,
    returnByValue: true,
  });
  return JSON.parse(String(result.value));
}

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
