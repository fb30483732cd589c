import { once } from 'node:events';
import { request as askHttp } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { AdminAccess } from '../../src/admin/access.ts';
import { type AdminOptions, createMetrics, silentLogger, startAdmin } from '../../src/index.ts';
import { createLoggerTo } from '../../src/logger.ts';

const key = 'a-key-of-an-operator-1';

async function start(options: Partial<AdminOptions> = {}) {
  const metrics = createMetrics('test_');
  const defaults = { host: '127.0.0.1', port: 0, checks: {}, metrics, state: () => ({}), log: silentLogger };
  const acts: string[] = [];
  const admin = await startAdmin({
    ...defaults,
    actions: { 'PUT /drain': () => String(acts.push('drain')) },
    routes: { 'POST /disconnect': { needs: 'key', serve: (_request, response) => void response.end('done\n') } },
    ...options,
  });
  onTestFinished(async () => {
    await admin.close();
    metrics.close();
  });
  const ask = async (what: string, headers: Record<string, string> = {}): Promise<number> => {
    const [method = '', path = ''] = what.split(' ');
    const request = askHttp(admin.url + path, { method, headers, agent: false }).end();
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  };
  return { ask, acts, metrics, url: admin.url };
}

const own = { authorization: `Bearer ${key}` };
const proxied = { 'x-forwarded-for': '203.0.113.9' };

test('without keys this machine reads and acts as before; what needs a key is refused, and so are other machines', async () => {
  const { ask } = await start();
  expect(await ask('GET /state')).toBe(200);
  expect(await ask('PUT /drain')).toBe(200);
  expect(await ask('POST /disconnect')).toBe(403);
  // A proxy on this machine may pass on the requests of anybody.
  expect([await ask('GET /state', proxied), await ask('PUT /drain', proxied)]).toEqual([403, 403]);
  for (const path of ['/livez', '/readyz', '/metrics']) expect(await ask(`GET ${path}`, proxied)).toBe(200);
});

test('with keys this machine reads without one, and acts with one; others do both with one', async () => {
  const { ask, acts, metrics } = await start({ keys: [{ name: 'ops', key }] });
  expect(await ask('GET /state')).toBe(200);
  expect([await ask('PUT /drain'), await ask('POST /disconnect')]).toEqual([401, 401]);
  expect(acts).toEqual([]);
  expect([await ask('PUT /drain', own), await ask('POST /disconnect', { 'x-api-key': key })]).toEqual([200, 200]);
  expect(await ask('GET /state', proxied)).toBe(401);
  expect(await ask('GET /state', { ...own, ...proxied })).toBe(200);
  expect((await metrics.read()).text).toContain('test_admin_denials_total{why="no key"} 3\n');
});

test('an unknown path tells other machines nothing without a key', async () => {
  const { ask } = await start({ keys: [{ name: 'ops', key }] });
  expect([await ask('GET /nothing', proxied), await ask('GET /nothing')]).toEqual([401, 404]);
});

test('wrong keys are limited, also before a right one, and probes are not', async () => {
  const { ask } = await start({ keys: [{ name: 'ops', key }] });
  const tried: number[] = [];
  for (let times = 0; times < 12; times++)
    tried.push(await ask('GET /state', { authorization: `Bearer wrong-${times}` }));
  expect(tried).toEqual([...new Array(10).fill(401), 429, 429]);
  expect(await ask('GET /state', own)).toBe(429);
  expect(await ask('GET /state')).toBe(200);
  expect(await ask('GET /livez', own)).toBe(200);
});

test('requests are limited, and probes are not', async () => {
  const { ask, url } = await start();
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const asked = 400;
  // In one write, so that they come at once however busy the machine is.
  socket.write('GET /state HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(asked - 1));
  socket.write('GET /state HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  const served = text.split('HTTP/1.1 200').length - 1;
  expect(served).toBeGreaterThanOrEqual(100);
  expect(text.split('HTTP/1.1 429').length - 1).toBe(asked - served);
  expect(served).toBeLessThan(asked);
  expect(await ask('GET /livez')).toBe(200);
});

test('each action is logged with the name of the key and the address, and no log line has a key', async () => {
  const lines: string[] = [];
  const log = createLoggerTo({ write: (line) => void lines.push(line) }, { level: 'debug' });
  const { ask } = await start({ keys: [{ name: 'ops', key }], log });
  await ask('PUT /drain?token=secret', own);
  await ask('POST /disconnect', own);
  await ask('GET /state', { authorization: 'Bearer a-wrong-one' });
  const actions = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'admin action');
  expect(actions).toMatchObject([
    { by: 'ops', from: '127.0.0.1', action: 'PUT /drain' },
    { by: 'ops', from: '127.0.0.1', action: 'POST /disconnect' },
  ]);
  expect(lines.join('')).toContain('a wrong key was sent');
  expect(lines.join('')).not.toMatch(/a-key-of|a-wrong-one|secret/);
});

const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test.skipIf(address === undefined)(
  'a program of this machine that uses its public address is on this machine',
  async () => {
    const { ask } = await start({ host: address as string });
    expect([await ask('GET /state'), await ask('PUT /drain')]).toEqual([200, 200]);
  },
);

test('what others send, and what is refused, does not keep out who has a key', async () => {
  const { ask, url } = await start({ keys: [{ name: 'ops', key }] });
  const { hostname, port } = new URL(url);
  const flood = async (headers: string): Promise<string> => {
    const socket = connect(Number(port), hostname);
    socket.write(`GET /state HTTP/1.1\r\nHost: a\r\n${headers}\r\n`.repeat(299));
    socket.write(`GET /state HTTP/1.1\r\nHost: a\r\n${headers}Connection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  };
  expect((await flood('X-Forwarded-For: 203.0.113.9\r\n')).split('HTTP/1.1 401').length - 1).toBe(300);
  expect(await flood('')).toContain('HTTP/1.1 429');
  expect(await ask('GET /state', own)).toBe(200);
});

test('wrong keys of other addresses do not keep out an address from which the right one came, nor this machine', () => {
  const access = new AdminAccess([{ name: 'ops', key }]);
  const from = (remoteAddress: string, given: string) =>
    access.admit({ socket: { remoteAddress }, headers: { 'x-api-key': given } } as never, 'act');
  expect(from('203.0.113.1', key)).toMatchObject({ name: 'ops' });
  // As somebody with a network of IPv6 can.
  for (let each = 0; each < 100; each++) from(`2001:db8::${each}`, 'a-wrong-key-that-is-long');
  expect(from('2001:db8:1::1', key)).toMatchObject({ status: 429 });
  expect(from('203.0.113.1', key)).toMatchObject({ name: 'ops' });
  expect(from('127.0.0.1', key)).toMatchObject({ name: 'ops' });
});
