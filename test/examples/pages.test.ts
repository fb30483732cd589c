import { readFile } from 'node:fs/promises';
import { startAgent, startPushServer } from 'gopush';
import type { Browser, Page } from 'playwright-core';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { freePort, startRedis, type TestRedis } from '../../packages/store/test/support/redis.ts';
import { noBrowser, openBrowser } from '../support/browser.ts';
import { makeFolder, type RunningCommand } from '../support/cli.ts';
import { lookAt } from '../support/look-at.ts';
import { childrenOf } from '../support/process-table.ts';
import { atLeast, numberIn, startExample, startProject } from './examples.ts';

let browser: Browser;
let redis: TestRedis;
const redisUrl = (): string => `redis://127.0.0.1:${redis.port}`;

const endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  if (noBrowser === undefined) browser = await openBrowser((work) => endings.push(work));
  redis = await startRedis([], undefined, (work) => endings.push(work));
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  for (const end of endings.reverse()) await end();
});

/** A page of its own, without the cookies of others, that must not throw. */
async function openPage(url: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  onTestFinished(async () => {
    await context.close();
    expect(errors).toEqual([]);
  });
  await page.goto(url);
  return page;
}

/** A client that ends with the test. */
function connect(url: string, options: Parameters<typeof io>[1]): Socket {
  const socket = io(url, { transports: ['websocket'], forceNew: true, ...options });
  onTestFinished(() => void socket.disconnect());
  return socket;
}

/** The push-servers of `gopush start` with one agent, which it starts first. */
const pushServersOf = async ({ child }: RunningCommand): Promise<number[]> => childrenOf(child.pid ?? 0).slice(1);

/** Calls the REST API of the chat. */
async function call(url: string, method: string, path: string, body?: object, token = '') {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

test.skipIf(noBrowser)('chat: people sign up and talk, and a worker that crashes is not noticed', async () => {
  const { running, url } = await startProject('chat', ['start'], { REDIS_URL: redisUrl() });
  const bob = { name: 'bob', password: 'a long password' };
  const signedUp = await call(url, 'POST', '/api/sign-up', bob);
  expect(signedUp.status).toBe(201);
  const { token } = signedUp.body;
  const statuses = async (...requests: ReturnType<typeof call>[]) =>
    (await Promise.all(requests)).map(({ status }) => status);
  expect(
    await statuses(
      call(url, 'POST', '/api/sign-up', bob),
      call(url, 'POST', '/api/sign-up', { ...bob, name: 'B' }),
      ...[['ann'], { toString: 1 }].map((name) => call(url, 'POST', '/api/sign-up', { ...bob, name })),
      ...[{ length: 9 }, ['a long password']].map((password) =>
        call(url, 'POST', '/api/sign-up', { name: 'eve', password }),
      ),
      call(url, 'POST', '/api/sign-in', { ...bob, password: 'another one' }),
      call(url, 'POST', '/api/sign-in', { ...bob, name: 'nobody' }),
      call(url, 'POST', '/api/sign-in', bob),
      call(url, 'GET', '/api/channels'),
      call(url, 'GET', '/api/channels', undefined, `${token}x`),
      call(url, 'GET', '/api/me', undefined, token),
    ),
  ).toEqual([409, 400, 400, 400, 400, 400, 401, 401, 200, 401, 401, 200]);
  const headers = { 'sec-fetch-site': 'cross-site' };
  expect((await fetch(`${url}/api/sign-out`, { method: 'POST', headers })).status).toBe(403);
  // Neither the password nor the token of somebody else lets a socket in.
  const refused = connect(url, { reconnection: false, extraHeaders: { authorization: 'Bearer wrong' } });
  await new Promise((resolve) => refused.once('connect_error', resolve));

  const page = await openPage(url);
  await page.fill('[name=name]', 'ann');
  await page.fill('[name=password]', 'another password');
  await page.click('button:text-is("Sign up")');
  await page.waitForSelector('#online li >> text=ann');

  const socket = connect(url, { extraHeaders: { authorization: `Bearer ${token}` } });
  const seen = { disconnects: 0, heard: [] as unknown[] };
  socket.on('disconnect', () => seen.disconnects++);
  socket.on('chat', ({ text }, { room, sender }) => seen.heard.push([room, sender, text]));
  expect(await socket.emitWithAck('go:join', 'general')).toMatchObject({ ok: true });
  await page.waitForSelector('#online li >> text=bob');
  const publish = (room: string, event: string, message?: object) =>
    socket.emitWithAck('go:publish', { room, event, message, id: JSON.stringify(message ?? event) });
  await publish('general', 'typing');
  await page.waitForSelector('#typing >> text=bob is typing');
  await publish('general', 'chat', { id: '1', text: 'hello ann' });
  await page.waitForSelector('#messages li >> text=hello ann');
  await page.fill('[name=text]', 'hello bob');
  await page.click('button:text-is("Send")');
  await expect.poll(() => seen.heard).toEqual([['general', 'ann', 'hello bob']]);

  // In a form that the page does not expect, as clients of gopush 0.1 send it.
  const odd = { room: 'general', event: 'chat', message: { id: '0', text: 'in another form' } };
  expect(await socket.emitWithAck('room', odd)).toMatchObject({ ok: true });

  // A channel of ann's, which bob may not read before he joins it.
  await page.fill('#create [name=name]', 'cats');
  await page.click('button:text-is("Create")');
  await page.waitForSelector('#title >> text=# cats');
  expect((await call(url, 'GET', '/api/channels', undefined, token)).body.channels).toMatchObject([
    { name: 'cats', by: 'ann', joined: false },
    { name: 'general', joined: true },
  ]);
  const outside = [
    await socket.emitWithAck('go:join', 'cats'),
    await publish('cats', 'chat', { id: '2', text: 'in secret' }),
    await socket.emitWithAck('history', { channel: 'cats' }),
  ];
  expect(outside).toMatchObject([{ ok: false }, { ok: false }, { error: 'You are not in this channel.' }]);
  for (const channel of [{ toString: 1 }, 'x'.repeat(9_000), undefined])
    for (const event of ['join', 'leave', 'history'])
      expect(await socket.emitWithAck(event, { channel })).toEqual({ error: 'There is no such channel.' });
  await socket.emitWithAck('join', { channel: 'cats' });
  expect(await socket.emitWithAck('go:join', 'cats')).toMatchObject({ ok: true });
  await publish('cats', 'chat', { id: '3', text: 'miaow' });
  await page.waitForSelector('#messages li >> text=miaow');
  await socket.emitWithAck('leave', { channel: 'cats' });
  await page.waitForFunction(() => !document.querySelector('#online')?.textContent?.includes('bob'));
  expect(await publish('cats', 'chat', { id: '4', text: 'too late' })).toMatchObject({ ok: false });

  const { id } = socket;
  await page.click('[data-channel=general]');
  const [worker] = await pushServersOf(running);
  process.kill(worker as number, 'SIGKILL');
  for (const text of ['one', 'two', 'three']) {
    await page.fill('[name=text]', text);
    await page.click('button:text-is("Send")');
  }
  const spoken = ['hello bob', 'one', 'two', 'three'].map((text) => ['general', 'ann', text]);
  await expect.poll(() => seen.heard).toEqual(spoken);
  expect([seen.disconnects, socket.id]).toEqual([0, id]);

  // Signed in still, with everything that was said, once each.
  await page.reload();
  await page.click('[data-channel=general]');
  await page.waitForSelector('#messages li >> text=three');
  const said = await page.locator('#messages li').allTextContents();
  expect(said.map((text) => text.replace(/ \S+( [AP]M)?$/, ''))).toEqual([
    'bobhello ann',
    ...['hello bob', 'one', 'two', 'three'].map((text) => `ann${text}`),
  ]);
  await lookAt(page, 'chat');
  await page.click('button:text-is("Sign out")');
  await page.waitForSelector('#door');
  await lookAt(page, 'chat-door');
});

test.each(['Redis', 'a folder'])(
  'chat: passwords of somebody cannot be tried without end, which %s remembers',
  async (where) => {
    const env = where === 'Redis' ? { REDIS_URL: redisUrl() } : { CHAT_DIR: await makeFolder() };
    // Hashes of passwords take long on a busy machine.
    const slow = { GOPUSH_HOOKS_TIMEOUT_MS: '60000', GOPUSH_ACCESS_TRUSTED_PROXIES: '127.0.0.0/8' };
    const start = () => startProject('chat', ['start', 'agent'], { ...env, ...slow });
    const { running, url } = await start();
    const name = `ann-${where.length}`;
    const signIn = async (at: string, who: string, password: string, address = '192.0.2.1') => {
      const { status, headers } = await fetch(`${at}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify({ name: who, password }),
      });
      return status === 429 ? Number(headers.get('retry-after')) > 0 && 429 : status;
    };
    await call(url, 'POST', '/api/sign-up', { name, password: 'the right one' });
    // One after the other: of one address only some passwords are looked at, at a time.
    const wrong: (number | false)[] = [];
    while (wrong.length < 12) wrong.push(await signIn(url, name, 'a wrong one'));
    expect(wrong).toEqual([...Array(10).fill(401), 429, 429]);
    // From elsewhere too, even with the right one: otherwise it could be found out by many.
    expect(await signIn(url, name, 'the right one', '192.0.2.2')).toBe(429);
    running.signal('SIGTERM');
    await running.ended;
    const again = await start();
    expect(await signIn(again.url, name, 'the right one', '192.0.2.2')).toBe(429);
    // A user with the right password does not use up the attempts of others.
    const bob = { name: `bob-${where.length}`, password: 'the right one' };
    await call(again.url, 'POST', '/api/sign-up', bob);
    for (let count = 0; count < 12; count++) expect(await signIn(again.url, bob.name, bob.password)).toBe(200);
  },
);

test('chat: an address may fail to sign in a hundred times, and a whole network of IPv6 as often', async () => {
  vi.stubEnv('CHAT_DIR', await makeFolder());
  vi.stubEnv('REDIS_URL', '');
  const { beginAttempt } = await import(`${process.cwd()}/examples/chat/lib/attempts.js`);
  const mayTry = async (address: string, name: string) => (await beginAttempt(address, name)) !== undefined;
  const networks = ['192.0.2.1', '2001:db8:0:7::'];
  for (const network of networks) {
    const of = (count: number): string => (network.includes(':') ? `${network}${count}` : network);
    for (let count = 0; count < 100; count++) expect(await mayTry(of(count), `${network} ${count}`)).toBe(true);
    expect(await mayTry(of(100), 'somebody else')).toBe(false);
  }
  expect(await mayTry('2001:db8:0:7:9:9:9:9', 'somebody else')).toBe(false);
  for (const address of ['192.0.2.2', '2001:db8:0:8::1', '::1']) expect(await mayTry(address, address)).toBe(true);
});

test.skipIf(noBrowser)('notify: everybody hears it once, and requests wait, while replicas are replaced', async () => {
  const { url, replicas, startReplica, startImpatient } = await startNotify();
  const page = await openPage(url);
  await page.waitForSelector('[data-ready]');
  const refused: string[] = [];
  page.on('response', (response) => {
    const { 'x-gopush-error': code } = response.headers();
    if (response.url().endsWith('/notify') && !response.ok()) refused.push(`${response.status()} ${code}`);
  });
  page.on('requestfailed', (request) => {
    if (request.url().endsWith('/notify')) refused.push(request.failure()?.errorText ?? '');
  });
  await page.click('button:text-is("Ten a second")');
  const arrived = '#listeners tr:last-child [data-what=arrived]';
  await atLeast(page, arrived, 5);
  // Any JSON, as programs send it, and the same one twice.
  const notify = (body: string, type = 'application/json') =>
    fetch(`${url}/api/v1/notify`, { method: 'POST', headers: { 'content-type': type }, body });
  for (const body of ['{"text":"of a program"}', '{"text":"of a program"}', '"a text"', 'null', '[1]'])
    expect((await notify(body)).status).toBe(200);
  expect([(await notify('{bad')).status, (await notify('text=1', 'text/plain')).status]).toEqual([400, 415]);
  for (const text of ['of a program', 'a text', 'null', '[1]'])
    await page.locator('#log li', { hasText: text }).first().waitFor();
  // One after the other.
  for (const replica of replicas.splice(0)) {
    await startReplica();
    await replica.close();
  }
  await atLeast(page, arrived, (await numberIn(page, arrived)) + 5);
  expect((await fetch(`${url}/health_check`)).status).toBe(200);

  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
  expect((await fetch(`${url}/health_check`)).status).toBe(503);
  // A request that begins while no replica is up.
  const waiting = notify('{"text":"from elsewhere"}');
  await startReplica();
  expect(await (await waiting).json()).toMatchObject({ status: 'ok' });
  await page.waitForSelector('#log li >> text=from elsewhere');
  await page.click('button:text-is("Stop")');
  const counts = async () =>
    (await page.locator('#listeners tr').allTextContents()).length > 0 &&
    (await page.locator('[data-what=missing]').allTextContents()).concat(
      await page.locator('[data-what=doubled]').allTextContents(),
    );
  await expect.poll(counts).toEqual(['0', '0', '0', '0', '0', '0']);
  expect([refused, await page.locator('#requests').textContent()]).toEqual([[], expect.stringContaining(' 0 failed')]);
  // Socket.IO has kept its connection.
  expect(await page.locator('#listeners tr:first-child [data-what=connections]').textContent()).toBe('1');
  await lookAt(page, 'notify');

  // If none comes, people get a page that reloads by itself.
  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
  const response = await fetch(await startImpatient(), { headers: { accept: 'text/html' } });
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('http-equiv="refresh"')]);
});

/** The notify example in this process, on free ports. */
async function startNotify() {
  const dir = `${process.cwd()}/examples/notify`;
  const hooks = { dir, environment: 'local' };
  const settings = JSON.parse(await readFile(`${dir}/config/local.json`, 'utf8'));
  const folder = await makeFolder();
  const config = {
    ...settings,
    $schema: undefined,
    agentPort: 0,
    serverPortStart: 0,
    admin: null,
    routing: { discover: true },
    // Longer than a replica takes to start on a busy machine.
    hold: { timeoutMs: 40_000 },
    agent: { host: '127.0.0.1', drainMs: 200 },
    limits: { eventLoopDelayMs: 0 },
    pushServer: {
      ...settings.pushServer,
      publicDir: `${dir}/public`,
      fanoutDir: `${folder}/mesh`,
      storeDir: `${folder}/store`,
      drainMs: 2_000,
      limits: { beginDelayMs: 0 },
    },
    log: { level: 'silent' },
  };
  delete config.$schema;
  const replicas: Awaited<ReturnType<typeof startPushServer>>[] = [];
  let count = 0;
  const startReplica = async (): Promise<void> => {
    replicas.push(await startPushServer({ config, hooks, node: `replica-push-server-${count++}` }));
  };
  onTestFinished(async () => void (await Promise.all(replicas.map((replica) => replica.close()))));
  for (let index = 0; index < 3; index++) await startReplica();
  const startOne = async (more: object = {}): Promise<string> => {
    const agent = await startAgent({ config: { ...config, ...more }, hooks });
    onTestFinished(() => agent.close());
    return agent.url;
  };
  return {
    url: await startOne(),
    replicas,
    startReplica,
    startImpatient: () => startOne({ hold: { timeoutMs: 500 } }),
  };
}

test.skipIf(noBrowser)('custom-backend: WebSockets of four back ends stay open while the agent is killed', async () => {
  const { running, url } = await startExample('custom-backend', 'main.js', { PORT: '0' });
  const page = await openPage(url);
  const shows = (id: string, pattern: string) =>
    page.waitForFunction(([where, what]) => document.getElementById(where)?.textContent?.match(what), [
      id,
      pattern,
    ] as const);
  await shows('graphql', '^20..-.*Z$');
  await shows('echo', '^user-.* says number [2-9]');
  await shows('mqtt', '^greetings: user-.* is here');
  await shows('api', '^user-');
  const echoed = async () => Number(/\d+$/.exec((await page.locator('#echo').textContent()) ?? '')?.[0]);
  const before = await echoed();
  await page.click('button:text-is("Kill the agent")');
  await page.waitForSelector('#kill:disabled');
  await page.waitForSelector('#kill:enabled');
  await expect.poll(() => running.stdout().match(/the agent is process/g)?.length).toBe(2);
  const time = await page.locator('#graphql').textContent();
  await expect.poll(echoed).toBeGreaterThan(before + 2);
  await expect.poll(() => page.locator('#graphql').textContent()).not.toBe(time);
  expect(await page.locator('#closed').textContent()).toBe('0');
  await lookAt(page, 'custom-backend');
});

/** Uses the page of the existing app: signs in, speaks, announces. */
async function useExistingApp(url: string): Promise<Page> {
  const page = await openPage(url);
  await page.fill('#sign-in [name=name]', 'admin');
  await page.click('button:text-is("Sign in")');
  await page.waitForSelector('#members >> text=admin');
  for (const count of ['1', '2']) {
    await page.fill('#say [name=text]', `message ${count}`);
    await page.click('button:text-is("Say")');
    await page.waitForSelector(`#log li >> text=message ${count}`);
    await page.waitForFunction((wanted) => document.getElementById('said')?.textContent === wanted, count);
  }
  await page.fill('#announce [name=text]', 'to everybody');
  await page.click('button:text-is("Announce")');
  await page.waitForSelector('#log li >> text=Announcement: to everybody');
  return page;
}

test.skipIf(noBrowser)(
  'existing-socketio: two servers as they are work behind the agent with sticky sessions',
  async () => {
    const env = { REDIS_URL: redisUrl(), PORT: '0' };
    const servers = await Promise.all([1, 2].map(() => startExample('existing-socketio', 'server.js', env)));
    const ports = servers.map(({ url }) => new URL(url).port).join();
    const { url } = await startProject('existing-socketio', ['--env', 'behind', 'start', 'agent'], { PORTS: ports });
    const page = await useExistingApp(url);
    expect(await page.locator('#disconnects').textContent()).toBe('0');
    await lookAt(page, 'existing-socketio');
    // Long-polling needs sticky sessions: without them, half of the requests would go to a server that does not know the session.
    const { headers } = await fetch(`${url}/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"bob"}',
    });
    const cookie = headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const sockets = Array.from({ length: 6 }, () =>
      connect(url, { transports: ['polling'], reconnection: false, extraHeaders: { cookie } }),
    );
    const joined = await Promise.all(sockets.map((socket) => socket.emitWithAck('join', 'lobby')));
    expect(joined.at(-1)).toEqual(['admin', 'bob']);
    // Whatever a client sends, the process of all others goes on.
    const [bob] = sockets as [Socket];
    for (const message of [null, 'text', { room: 'lobby', text: { toString: 1 } }, { room: { toString: 1 } }])
      bob.emit('say', message, () => {});
    expect(await bob.emitWithAck('say', { room: 'lobby', text: 'still here' })).toBe(1);
  },
);

test.skipIf(noBrowser)(
  'existing-socketio: moved onto push-servers, its sockets do not notice that one is replaced',
  async () => {
    const env = { REDIS_URL: redisUrl() };
    const web = await startExample('existing-socketio', 'web.js', { ...env, PORT: '0' });
    const { running, url } = await startProject('existing-socketio', ['--env', 'moved', 'start'], {
      ...env,
      WEB_PORT: new URL(web.url).port,
    });
    const page = await useExistingApp(url);
    for (const pid of await pushServersOf(running)) {
      process.kill(pid, 'SIGTERM');
      await expect.poll(() => pushServersOf(running)).not.toContain(pid);
      await page.fill('#say [name=text]', `after ${pid}`);
      await page.click('button:text-is("Say")');
      await page.waitForSelector(`#log li >> text=after ${pid}`);
    }
    // `socket.data` has migrated as well.
    await page.waitForFunction(() => document.getElementById('said')?.textContent === '4');
    expect(await page.locator('#disconnects').textContent()).toBe('0');
  },
);

test.skipIf(noBrowser)('two-machines: a page that came in at one goes on when the other one dies', async () => {
  const start = (machine: string, host: string) =>
    startProject('two-machines', ['dev'], {
      GOPUSH_ENV: machine,
      REDIS_URL: redisUrl(),
      GOPUSH_AGENT_HOST: host,
      GOPUSH_REDIS_ADAPTER_PREFIX: 'two-machines',
    });
  const [a, b] = await Promise.all([start('a', '127.0.0.2'), start('b', '127.0.0.3')]);
  const pages = [await openPage(a.url), await openPage(a.url), await openPage(b.url)];
  // Of pages that come in at a, some are served by b.
  const served = async (page: Page): Promise<string> => (await page.locator('#where').textContent()) ?? '';
  const here = pages.slice(0, 2);
  await expect
    .poll(async () => (await Promise.all(pages.map(served))).every((where) => /machine/.test(where)))
    .toBe(true);
  while (!(await Promise.all(here.map(served))).some((where) => where.startsWith('machine b'))) {
    const page = await openPage(a.url);
    here.push(page);
    await expect.poll(() => served(page)).toMatch('machine');
  }
  await here[0]?.waitForFunction(
    (count) => document.getElementById('online')?.textContent === count,
    String(here.length + 1),
  );
  await pages[2]?.fill('[name=text]', 'hello from b');
  await pages[2]?.click('button:text-is("Send")');
  for (const page of here) await page.waitForSelector('#log li >> text=hello from b');

  b.running.signal('SIGKILL');
  for (const page of here) await expect.poll(() => served(page)).toMatch('machine a');
  await here[0]?.fill('[name=text]', 'still here');
  await here[0]?.click('button:text-is("Send")');
  for (const page of here) {
    await page.waitForSelector('#log li >> text=still here');
    expect(await page.locator('#disconnects').textContent()).toBe('0');
  }
  await lookAt(here[0] as Page, 'two-machines');
});

test.skipIf(noBrowser)('swarm: nodes that stop or die are replaced, and no message is lost or doubled', async () => {
  const env = { PORT: String(await freePort()), NODES: '2', REDIS_URL: redisUrl() };
  const { running, url } = await startExample('swarm', 'main.js', env);
  const page = await openPage(url);
  await atLeast(page, '#accepted', 5);
  const countOf = (pattern: RegExp): number => running.stdout().match(pattern)?.length ?? 0;
  for (const [order, served] of [
    ['Stop', 3],
    ['Kill', 4],
  ] as const) {
    const nodes = await page.locator('#nodes li').count();
    await page.click(`button:text-is("${order} this node")`);
    await expect.poll(() => page.locator('#nodes li').count(), { timeout: 20_000 }).toBeGreaterThan(nodes);
    await atLeast(page, '#accepted', (await numberIn(page, '#accepted')) + 5);
    await expect.poll(() => countOf(/is process/g), { timeout: 20_000 }).toBe(served);
  }
  await expect.poll(() => numberIn(page, '#missing')).toBe(0);
  expect(await page.locator('#doubled').textContent()).toBe('0');
  expect([countOf(/ended with 0/g), countOf(/ended with SIGKILL/g)]).toEqual([1, 1]);
  await lookAt(page, 'swarm');
});
