import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { noBrowser, openBrowser } from '../support/browser.ts';
import { lookAt } from '../support/cluster.ts';
import { type LoadedCluster, startLoadedCluster } from '../support/loaded-cluster.ts';
import { rows } from '../support/long.ts';
import { violationsOf } from '../support/violations-of.ts';

const operator = { name: 'ops', key: 'a-key-of-an-operator-of-it' };
const folder = process.env.SCREENSHOTS;

const looks: Record<string, BrowserContextOptions> = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
  'dark phone': { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
};

/** Presses a control by keyboard alone. */
async function press(control: Locator): Promise<void> {
  await control.focus();
  await control.page().keyboard.press('Enter');
}

const isSome = (count: number): boolean => count > 0;

/** In the usual run each colour and each width once, if another test looks at all of them. */
const someLooks = rows(['light', 'dark phone'], ['dark', 'phone']);

/** A page, and what the browser complained of. */
interface Opened {
  readonly page: Page;
  readonly problems: readonly string[];
}

// One set-up for all: each test continues with what the one before has left.
const over = describe.skipIf(noBrowser !== undefined).each(rows<'a folder' | 'Redis'>(['a folder'], ['Redis']));

over('the dashboard of a cluster with clients, over %s', { timeout: 120_000 }, (store) => {
  let cluster: LoadedCluster;
  let browser: Browser;
  let desk: Opened;
  let closeBrowser = () => Promise.resolve();
  let closeRedis = () => Promise.resolve();

  const open = async (url: string | undefined, options: BrowserContextOptions = {}): Promise<Opened> => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(url ?? '');
    return { page, problems };
  };

  /** The page in each look: nothing is wider than it, and axe-core finds nothing. It is opened once for each width. */
  const checkLooks = async (what: string, names: readonly string[] = Object.keys(looks)): Promise<void> => {
    const widthOf = (name: string): number | undefined => looks[name]?.viewport?.width;
    for (const width of new Set(names.map(widthOf))) {
      const [first = '', ...others] = names.filter((name) => widthOf(name) === width);
      const { page, problems } = await open(cluster.agents[0]?.adminUrl, looks[first]);
      await page.getByRole('row', { name: /^server-1 ready/ }).waitFor();
      await page.locator('figure .u-over').first().waitFor({ state: 'attached' });
      await press(page.getByText('The map as a table'));
      await page.getByRole('button', { name: 'agent-0', exact: true }).click();
      for (const name of [first, ...others]) {
        await page.emulateMedia({ colorScheme: looks[name]?.colorScheme ?? null });
        const [wide, wanted] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
        expect([what, name, wide]).toEqual([what, name, wanted]);
        expect([what, name, await violationsOf(page)]).toEqual([what, name, []]);
        expect(problems).toEqual([]);
        if (folder !== undefined) {
          await page.screenshot({ path: `${folder}/${what} ${name}.png`.replaceAll(' ', '-'), fullPage: true });
        }
      }
      await page.context().close();
    }
  };

  const look = async ({ page }: Opened, what: string, name: string): Promise<void> => {
    await page.getByLabel('What').selectOption({ label: what });
    await page.getByLabel('Name').fill(name);
    await page.keyboard.press('Enter');
  };

  const giveKey = async ({ page }: Opened): Promise<void> => {
    await page.getByLabel(/Key/).fill(operator.key);
    await page.keyboard.press('Enter');
  };

  /** Opens the details of a node. */
  const openNode = async ({ page }: Opened, name: string): Promise<void> => {
    const button = page.getByRole('button', { name, exact: true });
    if ((await button.getAttribute('aria-expanded')) === 'false') await press(button);
  };

  beforeAll(async () => {
    const redis = store === 'Redis' ? await startRedis([], undefined, (close) => (closeRedis = close)) : undefined;
    [cluster, browser] = await Promise.all([
      startLoadedCluster([operator], redis === undefined ? {} : { redisAdapter: { port: redis.port } }),
      openBrowser((close) => {
        closeBrowser = close;
      }),
    ]);
    desk = await open(cluster.agents[0]?.adminUrl, looks.light);
  }, 60_000);

  afterAll(async () => {
    await closeBrowser();
    await cluster?.close();
    await closeRedis();
  });

  test('its files are small, and without inline code or other origins', async () => {
    const sizes: number[] = [];
    for (const path of ['/', '/dashboard.js', '/dashboard.css']) {
      const response = await fetch(`${cluster.agents[0]?.adminUrl}${path}`);
      const text = await response.text();
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'/,
      );
      if (path === '/') expect(text).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=|https?:/);
      sizes.push(gzipSync(text).length);
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120_000);
  });

  test('it shows map, nodes, charts, rooms with their rate, and starts', async () => {
    const { page } = desk;
    await page.getByRole('status').getByText('all is well').waitFor();
    for (const name of ['agent-0', 'agent-1', 'server-0', 'server-1', 'server-2']) {
      await page.getByRole('row', { name: new RegExp(`^${name} ready`) }).waitFor();
      await page.getByRole('row', { name: new RegExp(`${name}.*started`) }).waitFor();
    }
    const map = page.getByRole('img', { name: /From agents to products to targets/ });
    await expect.poll(() => map.getAttribute('aria-label')).toMatch(/agent-1 to default: 12 connections/);
    expect(await page.locator('figure').count()).toBe(8);
    await expect.poll(() => page.locator('.legend b').first().textContent(), { timeout: 30_000 }).toMatch(/[1-9]/);
    const rate = page
      .getByRole('row', { name: /^room-0/ })
      .getByRole('cell')
      .nth(1);
    await expect.poll(async () => Number(await rate.textContent())).toBeGreaterThan(2);
    await checkLooks('overview');
  });

  test('the map tells the errors of a target by their cause', async () => {
    const { page } = desk;
    // The agent tries again for a while.
    const leave = new AbortController();
    fetch(`${cluster.agents[0]?.url}/?user=ann&product=broken`, { signal: leave.signal }).catch(() => {});
    await page
      .getByText(/^▲ \d+ target_unreachable$/)
      .first()
      .waitFor();
    const map = page.getByRole('img', { name: /From agents to products to targets/ });
    expect(await map.getAttribute('aria-label')).toMatch(/broken to 127.0.0.1:9: .*errors: \d+ target_unreachable/);
    await press(page.getByText('The map as a table'));
    await page.getByRole('row', { name: /broken 127.0.0.1:9 .*\d+ target_unreachable/ }).waitFor();
    await press(page.getByText('The map as a table'));
    leave.abort();
  });

  test('it shows the routes of the router, and its products with the targets as agents see them', async () => {
    const { page } = desk;
    const routes = page.getByRole('region', { name: 'Table of routes' });
    await routes.getByRole('row', { name: 'all /chat default strips the path' }).waitFor();
    await routes.getByRole('row', { name: '*.example.com all broken public' }).waitFor();
    const products = page.getByRole('region', { name: 'Table of products and their targets' });
    await expect
      .poll(() => products.getByRole('row', { name: /^default push-servers hash.* up 2 \d+$/ }).count())
      .toBeGreaterThan(0);
    await products.getByRole('row', { name: /^broken a list hash.* 127\.0\.0\.1:9 / }).waitFor();
    const server = await open(cluster.servers[1]?.adminUrl);
    const there = server.page.getByRole('region', { name: 'Table of routes' });
    await there.getByRole('row', { name: 'all /chat default strips the path' }).waitFor();
    await server.page.getByText(/^As agent-\d tells them/).waitFor();
    const known = server.page.getByRole('region', { name: 'Table of products and their targets' });
    await known.getByRole('row', { name: /^broken a list hash.* 127\.0\.0\.1:9 / }).waitFor();
    await known.getByRole('row', { name: /server-0 \(127\.0\.0\.1:\d+\)/ }).waitFor();
    await look(server, 'Where a user would go (uid)', 'ann-0');
    await server.page.getByRole('link', { name: 'agent-1' }).click();
    await server.page.waitForURL(`${cluster.agents[1]?.adminUrl}/`);
    await server.page.context().close();
  });

  test('by keyboard, nodes are sorted and opened to their details', async () => {
    const { page } = desk;
    const connections = page.getByRole('button', { name: 'connections' });
    await connections.focus();
    await page.keyboard.press('Enter');
    await page.locator('th[aria-sort=descending]', { hasText: 'connections' }).waitFor();
    await page.getByRole('button', { name: 'server-2', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByText(/given, \d+ taken/).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText(/given, \d+ taken/).waitFor({ state: 'detached' });
  });

  test('by Tab alone, all that can be pressed, chosen or scrolled is reached once, with a mark of where one is', async () => {
    const { page } = desk;
    await openNode(desk, 'agent-1');
    const wanted = await page.evaluate(() => {
      const all = document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]');
      return [...all].filter((one) => one.checkVisibility() && !(one as HTMLButtonElement).disabled).length;
    });
    let reached = 0;
    // Tab continues from where the focus was, and begins again at the end.
    for (let presses = 0; reached < wanted && presses < 2 * wanted; presses++) {
      await page.keyboard.press('Tab');
      const state = await page.evaluate(() => {
        const one = document.activeElement as HTMLElement | null;
        if (one === null || one === document.body) return 'left';
        const wasThere = one.dataset.reached !== undefined;
        one.dataset.reached = '';
        if (getComputedStyle(one).outlineStyle === 'none') return `no mark: ${one.outerHTML.slice(0, 80)}`;
        return wasThere ? 'again' : 'new';
      });
      if (state === 'left' || state === 'again') continue;
      expect(state).toBe('new');
      reached++;
    }
    expect(wanted).toBeGreaterThan(40);
    expect(reached).toBe(wanted);
    await openNode(desk, 'agent-1');
    await press(page.getByRole('button', { name: 'agent-1', exact: true }));
  });

  test('from another machine it asks for a key, says when it is wrong, and keeps it in the tab alone', async () => {
    const far = await open(cluster.agents[0]?.adminUrl, { extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.9' } });
    await far.page.getByLabel(/Key/).waitFor();
    expect(await violationsOf(far.page)).toEqual([]);
    await far.page.getByLabel(/Key/).fill('a-wrong-key');
    await far.page.keyboard.press('Enter');
    await far.page.getByText('the key is none of admin.keys').waitFor();
    await giveKey(far);
    await far.page.getByRole('row', { name: /^agent-0 ready/ }).waitFor();
    expect(await far.page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage }))).toBe('{}');
    await far.page.context().close();
  });

  test('it looks up users, rooms, failure codes and routes, by name or by how names begin', async () => {
    const { page } = desk;
    const found = page.locator('.found').first();
    await look(desk, 'User (uid)', 'ann-0');
    await giveKey(desk);
    await found.getByText(/online, 1 device/).waitFor();
    const violations = [await violationsOf(page)];
    await found.getByText(/server-[012]/).waitFor();
    await press(found.getByRole('button', { name: 'lobby' }));
    await found.getByRole('button', { name: 'bob-3', exact: true }).waitFor();
    await look(desk, 'Users that begin with', 'bob-');
    await expect.poll(() => found.getByRole('button').count()).toBe(12);
    violations.push(await violationsOf(page));
    await look(desk, 'Rooms that begin with', 'room-');
    await expect.poll(() => found.getByRole('button').count()).toBe(5);
    await look(desk, 'Rooms that begin with', 'nothing');
    await page.getByText('No room with users in it begins so.').waitFor();
    await look(desk, 'Failure code', 'uid_missing');
    await found.getByText('430').waitFor();
    violations.push(await violationsOf(page));
    await look(desk, 'Where a user would go (uid)', 'ann-0');
    await found.getByText(/3 targets/).waitFor();
    violations.push(await violationsOf(page));
    await page
      .getByRole('row', { name: /^room-1/ })
      .getByRole('button')
      .focus();
    await page.keyboard.press('Enter');
    await found.getByText(/messages\/s, by its last 20 messages/).waitFor();
    violations.push(await violationsOf(page));
    expect(violations).toEqual([[], [], [], [], []]);
    if (folder !== undefined)
      await page.locator('section', { has: page.locator('#look-up') }).screenshot({ path: `${folder}/look-up.png` });
  });

  test('a test message is sent and a user is disconnected, by way of a push-server', async () => {
    const { page } = desk;
    const [client] = cluster.clients;
    const heard = new Promise((resolve) => client?.once('test', resolve));
    await look(desk, 'Room', 'lobby');
    await press(page.getByRole('button', { name: 'Send to this room' }));
    await page.getByText(/server-\d does it/).waitFor();
    expect(JSON.stringify(await heard)).toContain('hello');
    const cutsBefore = cluster.cuts();
    const gone = new Promise((resolve) => client?.once('disconnect', resolve));
    await look(desk, 'User (uid)', 'ann-0');
    await press(page.getByRole('button', { name: 'Disconnect this user' }));
    await press(page.getByRole('button', { name: 'Disconnect: really?' }));
    expect(await gone).toBe('io server disconnect');
    expect(cluster.cuts() - cutsBefore).toBe(1);
  });

  test('the log level of a node and of all is changed, and sessions are rebalanced, with who asked in the log', async () => {
    const { page } = desk;
    await openNode(desk, 'agent-1');
    await page.getByLabel('Log level of agent-1').selectOption('debug');
    const form = page.locator('form', { has: page.getByLabel('Log level of agent-1') });
    await press(form.getByRole('button', { name: 'Set' }));
    await page.getByRole('list', { name: 'Last actions at agent-1' }).getByText('logs from debug on').waitFor();
    await press(page.getByRole('button', { name: 'Rebalance all agents' }));
    await page.getByText('Sent to 2 nodes.').waitFor();
    await page.getByText(/\d+ sessions migrate/).waitFor();
    const actions = cluster.lines.filter(({ message, fields }) => message === 'admin action' && 'via' in fields);
    expect(actions.map(({ fields }) => fields)).toContainEqual({
      ...{ by: 'ops', from: '127.0.0.1', via: 'agent-0', action: 'log-level', value: 'debug' },
    });
    expect(actions.filter(({ fields }) => fields.action === 'rebalance')).toHaveLength(2);
  });

  test('a push-server drains with its progress, and the restart shows who migrated, without a cut', async () => {
    const { page } = desk;
    const cutsBefore = cluster.cuts();
    await openNode(desk, 'server-0');
    await press(page.getByRole('button', { name: 'Drain server-0' }));
    await press(page.getByRole('button', { name: 'Drain: really?' }));
    await page.getByRole('progressbar', { name: 'Drain of server-0' }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    const log = page.getByRole('list', { name: 'Last actions at server-0' });
    await log.getByText(/drain by ops: [1-9]\d* sessions were given/).waitFor();
    await page.getByText('0 left', { exact: true }).waitFor();
    const restart = page.getByRole('row', { name: /server-0.*drains/ });
    await expect.poll(async () => Number(await restart.getByRole('cell').nth(2).textContent())).toBeGreaterThan(0);
    expect(await restart.getByRole('cell').nth(5).textContent()).toMatch(/^[\d.]+ (ms|s)$/);
    expect(cluster.cuts()).toBe(cutsBefore);
    await page.getByRole('row', { name: /^server-0 draining/ }).waitFor();
    if (folder !== undefined) await page.screenshot({ path: `${folder}/drain-light.png`, fullPage: true });
  });

  test('a push-server that is killed is gone, and its sessions have failed over', async () => {
    const { page } = desk;
    const cutsBefore = cluster.cuts();
    cluster.kill();
    await page.getByRole('row', { name: /^server-2 gone/ }).waitFor();
    await page.getByRole('status').getByText('1 problem').waitFor();
    const restart = page.getByRole('row', { name: /server-2.*crashed/ });
    await expect.poll(async () => Number(await restart.getByRole('cell').nth(3).textContent())).toBeGreaterThan(0);
    expect(cluster.cuts()).toBe(cutsBefore);
    await checkLooks('restarts', someLooks);
    const [{ adminUrl } = { adminUrl: undefined }] = cluster.servers;
    const { restarts } = await lookAt({ adminUrl, close: async () => {} });
    // On a busy machine a push-server may count as gone for a moment before, and its sessions migrate; each is a row of its own, or part of one.
    expect(restarts).toContainEqual(
      expect.objectContaining({ name: 'server-2', what: 'crash', failedOver: expect.toSatisfy(isSome), fellBack: 0 }),
    );
    expect(restarts).toContainEqual(
      expect.objectContaining({ name: 'server-0', what: 'drain', migrated: expect.toSatisfy(isSome), fellBack: 0 }),
    );
  });

  test('nothing of it made the browser complain', () => {
    // Chromium writes a line about each request without a key.
    expect(desk.problems.filter((text) => !text.includes('401'))).toEqual([]);
  });
});
