import { once } from 'node:events';
import { request as askHttp } from 'node:http';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  type AdminOptions,
  type Check,
  createMetrics,
  ListenError,
  type Logger,
  silentLogger,
  startAdmin,
  watchEventLoop,
} from '../../src/index.ts';
import { createLoggerTo } from '../../src/logger.ts';

async function start(options: Partial<AdminOptions> = {}) {
  const metrics = createMetrics('test_');
  const checks: Record<string, Check> = {};
  const defaults = { host: '127.0.0.1', port: 0, checks, metrics, state: () => ({}), log: silentLogger };
  const admin = await startAdmin({ ...defaults, ...options });
  onTestFinished(() => admin.close());
  onTestFinished(metrics.close);
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(admin.url + path, { ...init, headers: { connection: 'close' } });
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() };
  };
  return { admin, metrics, checks, ask };
}

test('a process that runs is live, and ready when all its checks are', async () => {
  const { checks, ask } = await start();
  let isReady = false;
  checks.one = () => true;
  checks.other = () => isReady || 'not yet';
  expect(await ask('/livez')).toMatchObject({ status: 200, body: 'ok\n' });
  expect(await ask('/readyz')).toMatchObject({ status: 503, body: '[+] one ok\n[-] other: not yet\nnot ready\n' });
  isReady = true;
  expect(await ask('/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
  expect(await ask('/readyz?verbose')).toMatchObject({ status: 200, body: '[+] one ok\n[+] other ok\nready\n' });
  expect(await ask('/readyz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

test('state is JSON', async () => {
  const { ask } = await start({ state: () => ({ held: 1 }) });
  const { type, body } = await ask('/state');
  expect([type, JSON.parse(body)]).toEqual(['application/json', { held: 1 }]);
});

test('metrics are read when they are asked for', async () => {
  const { metrics, ask } = await start();
  const counter = metrics.counter('things_total', 'Things.', ['kind']);
  let value = 1;
  metrics.gauge('level', 'Level.', (set) => set(value, {}), []);
  metrics.total('sum_total', 'Sum.', (set) => set(value * 10, { of: 'a' }), ['of']);
  metrics.histogram('wait_seconds', 'Wait.', [1, 2]).observe(1.5);
  counter.inc({ kind: 'x' });
  expect((await ask('/metrics')).body).toMatch(/test_level 1\n/);
  value = 2;
  const { type, body } = await ask('/metrics');
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
  for (const line of [
    'test_level 2',
    'test_sum_total{of="a"} 20',
    'test_things_total{kind="x"} 1',
    'test_wait_seconds_bucket{le="2"} 1',
  ]) {
    expect(body.split('\n')).toContain(line);
  }
  expect(body).toMatch(/^nodejs_/m);
});

test('what runs in a process shows the metrics of the whole process, also of the time before it began', async () => {
  const [first, second] = [createMetrics('first_'), createMetrics('second_')];
  const collections = async ({ read }: typeof first): Promise<number> =>
    Number(/^nodejs_gc_duration_seconds_count\{kind="minor"\} (\d+)$/m.exec((await read()).text)?.[1] ?? 0);
  await expect.poll(() => Array.from({ length: 100_000 }, () => ({})) && collections(first)).toBeGreaterThan(0);
  first.close();
  const third = createMetrics('third_');
  for (const metrics of [second, third]) {
    expect(await collections(metrics)).toBeGreaterThan(0);
    expect((await metrics.read()).text.match(/^process_start_time_seconds /gm)).toHaveLength(1);
    metrics.close();
  }
});

test('PUT /log-level changes what a logger writes', async () => {
  const lines: string[] = [];
  const log = createLoggerTo({ write: (line) => void lines.push(JSON.parse(line).msg) }, { level: 'info' });
  const { ask } = await start({ log });
  const put = (body: string) => ask('/log-level', { method: 'PUT', body });
  log.debug('not written');
  expect(await put('debug\n')).toMatchObject({ status: 200, body: 'debug\n' });
  log.debug('written');
  expect(await put('silent')).toMatchObject({ status: 200 });
  log.error('not written');
  expect(lines).toEqual(['admin action', 'log level changed', 'written', 'admin action']);
  expect(await put('loud')).toMatchObject({
    status: 400,
    body: expect.stringMatching(/^found "loud", wanted one of trace, /),
  });
  expect(await put('x'.repeat(101))).toMatchObject({ status: 413 });
  expect(log.level).toBe('silent');
  expect(await ask('/log-level')).toMatchObject({ status: 404 });
});

test('a body that is too large gets its response before it has come, and a client that leaves within one is no fault', async () => {
  const faults: string[] = [];
  const log = createLoggerTo({ write: (line) => void faults.push(line) }, { level: 'warn' });
  const { admin, ask } = await start({ log });
  const { port, hostname } = new URL(admin.url);
  const begin = (bytes: number) => {
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.write(`PUT /log-level HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(bytes)}`);
    return socket;
  };
  const socket = begin(5_000);
  const [response] = await once(socket, 'data');
  expect(String(response)).toMatch(/^HTTP\/1\.1 413 /);
  socket.destroy();
  const leaving = begin(5);
  await once(leaving, 'connect');
  // Its request is being read.
  await ask('/livez');
  leaving.resetAndDestroy();
  await ask('/livez');
  expect(faults).toEqual([]);
});

test('a logger without levels says so', async () => {
  const write = () => {};
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  const { ask } = await start({ log });
  expect(await ask('/log-level', { method: 'PUT', body: 'debug' })).toMatchObject({ status: 501 });
});

test.each(['/', '/nothing', '//', '//x:y', '/livez/', 'http://['])(
  '%s is answered with what there is',
  async (path) => {
    const { admin } = await start();
    const { port, hostname } = new URL(admin.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 404 [\s\S]*paths: \/livez/);
  },
);

test('a state that throws breaks one answer, not the process', async () => {
  const { ask } = await start({
    state: () => {
      throw new Error('no state');
    },
  });
  await expect(ask('/state')).rejects.toThrow();
  expect(await ask('/livez')).toMatchObject({ status: 200 });
});

test('a port in use is one clear line', async () => {
  const { admin } = await start();
  const { port } = new URL(admin.url);
  await expect(start({ port: Number(port) })).rejects.toThrow(
    new ListenError(`port ${port} of 127.0.0.1 is in use by another program`),
  );
});

test('close ends connections that are kept', async () => {
  const { admin } = await start();
  const { port, hostname } = new URL(admin.url);
  const socket = connect(Number(port), hostname);
  const closed = once(socket, 'close');
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  await admin.close();
  await closed;
});

test('what an event loop did before a restart does not show', async () => {
  const eventLoop = watchEventLoop();
  onTestFinished(eventLoop.close);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const end = performance.now() + 1_100;
  while (performance.now() < end);
  eventLoop.restart();
  let most = 0;
  // Until after its first second.
  const since = performance.now();
  await expect
    .poll(
      () => {
        most = Math.max(most, eventLoop.lastMs());
        return performance.now() - since > 1_500;
      },
      { interval: 10, timeout: 10_000 },
    )
    .toBe(true);
  expect(most).toBeLessThan(900);
});

test('a blocked event loop shows in the delay, and a free one does not', async () => {
  const eventLoop = watchEventLoop();
  onTestFinished(eventLoop.close);
  expect(eventLoop.lastMs()).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const end = performance.now() + 1_100;
  while (performance.now() < end);
  await expect.poll(eventLoop.lastMs, { interval: 10 }).toBeGreaterThan(900);
  await expect.poll(eventLoop.lastMs, { interval: 10, timeout: 10_000 }).toBeLessThan(500);
});

test.each([
  ['a name that was pointed here', { Host: 'evil.example:9600' }, 403],
  [
    'such a name of a page',
    { Host: 'evil.example:9600', Origin: 'http://evil.example:9600', 'Sec-Fetch-Site': 'same-origin' },
    403,
  ],
  ['such a name with a dot at its end', { Host: 'evil.example.:9600' }, 403],
  ['a page of another origin', { Origin: 'https://evil.example' }, 403],
  [
    'a page of another port',
    { Host: '127.0.0.1:9600', Origin: 'http://127.0.0.1:3000', 'Sec-Fetch-Site': 'same-site' },
    403,
  ],
  ['a sandboxed page', { Origin: 'null' }, 403],
  ['a page that hides its origin', { 'Sec-Fetch-Site': 'cross-site' }, 403],
  [
    'a page of the admin listener itself',
    { Host: '127.0.0.1:9600', Origin: 'http://127.0.0.1:9600', 'Sec-Fetch-Site': 'same-origin' },
    200,
  ],
  ['an address', { Host: '10.0.0.5:9600' }, 200],
  ['an address of IPv6', { Host: '[::1]:9600' }, 200],
  ['localhost', { Host: 'localhost:9600' }, 200],
  ['the name of a container', { Host: 'push-server_1:9600' }, 200],
  ['a name inside Kubernetes', { Host: 'gopush.default.svc.cluster.local:9600' }, 200],
  ['a name that the settings allow', { Host: 'Node1.Example.com:9600' }, 200],
])('asked by %s', async (_what, headers, wanted) => {
  const acts: string[] = [];
  const { admin, metrics } = await start({
    allowedHosts: ['node1.example.com'],
    actions: { 'PUT /drain': () => String(acts.push('drain')) },
  });
  const ask = async (method: string, path: string) => {
    const request = askHttp(admin.url + path, { method, headers, agent: false }).end();
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  };
  for (const [method, path] of [
    ['PUT', '/drain'],
    ['GET', '/state'],
    ['GET', '/metrics'],
  ] as const) {
    expect([path, await ask(method, path)]).toEqual([path, wanted]);
  }
  expect(acts.length).toBe(wanted === 200 ? 1 : 0);
  expect((await metrics.read()).text).toMatch(`test_admin_refusals_total ${wanted === 200 ? 0 : 3}\n`);
  // Load balancers may use any name.
  if ('Host' in headers && !('Origin' in headers)) expect(await ask('GET', '/readyz')).toBe(200);
});

test('metrics that are asked for without end take a tenth of the time', async () => {
  const { metrics, ask } = await start();
  const eachMs = 8;
  let made = 0;
  metrics.gauge('level', 'Level.', (set) => {
    const end = performance.now() + eachMs;
    while (performance.now() < end);
    set(++made, {});
  });
  const begunAt = performance.now();
  let answers = 0;
  const askers = Array.from({ length: 8 }, async () => {
    while (performance.now() - begunAt < 500) {
      const before = made;
      // Each answer was made after it had been asked for.
      expect(Number(/^test_level (\d+)$/m.exec((await ask('/metrics')).body)?.[1])).toBeGreaterThan(before);
      answers++;
    }
  });
  await Promise.all(askers);
  expect(made).toBeLessThan((performance.now() - begunAt) / (10 * eachMs) + 2);
  expect(answers).toBeGreaterThan(made);
});

test('an address that opens connections without end loses its oldest ones, and keeps nobody out', async () => {
  const { admin, ask } = await start({ maxConnections: 20 });
  const port = Number(new URL(admin.url).port);
  let open = 0;
  const sockets = Array.from({ length: 60 }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    socket.on('error', () => {}).once('connect', () => void open++);
    socket.once('close', () => void open--);
    onTestFinished(() => void socket.destroy());
    return socket;
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  expect(await ask('/livez')).toMatchObject({ status: 200 });
  await expect.poll(() => open).toBeLessThanOrEqual(20);
  expect(open).toBeGreaterThan(15);
  expect(sockets[0]?.destroyed).toBe(true);
  expect(sockets[59]?.destroyed).toBe(false);
});
