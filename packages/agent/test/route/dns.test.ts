import { parseTargets, type TargetSource } from '@gopush/contract';
import { afterEach, expect, test, vi } from 'vitest';
import { createSources, type Sources } from '../../src/route/sources.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, send } from '../support/client.ts';
import { type NameServer, startNameServer } from '../support/name-server.ts';
import { startTarget } from '../support/target.ts';

function openSources({ address }: NameServer) {
  const { log, next, lines } = createMemoryLog();
  const sources = createSources({ builtIn: { current: () => [] }, dnsServers: [address], allows: undefined, log });
  return { sources, next, lines };
}

const a = parseTargets({ dns: 'push.test', port: 4000 }) as TargetSource;
const srv = parseTargets({ srv: '_push._tcp.test' }) as TargetSource;

async function namesOf(sources: Sources, source: TargetSource): Promise<string[]> {
  return (await sources.targets(source)).map(({ name }) => name);
}

/** Asks until what was asked for again has come. */
function untilNames(sources: Sources, source: TargetSource, names: readonly string[]): Promise<void> {
  return expect.poll(() => namesOf(sources, source), { interval: 5 }).toEqual(names);
}

/** Sets the clock, which says how old an answer is; timers continue. */
function atSecond(seconds: number): void {
  vi.spyOn(performance, 'now').mockReturnValue(1_000_000 + seconds * 1_000);
}
afterEach(() => {
  vi.restoreAllMocks();
});

test('a name server that is gone takes nothing away', async () => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'] } });
  const { sources, next } = openSources(server);
  await sources.targets(a);
  server.stop();
  atSecond(2);
  await sources.targets(a);
  expect((await next(/DNS gave no targets/)).fields).toMatchObject({
    problem: expect.stringMatching(/ECONNREFUSED|ETIMEOUT/),
  });
  expect(await namesOf(sources, a)).toEqual(['10.0.0.1:4000']);
});

test('all addresses of a name are targets, in an order of their own', async () => {
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.2', '10.0.0.1'], aaaa: ['fd00::1'] } });
  const { sources } = openSources(server);
  expect(await namesOf(sources, a)).toEqual(['10.0.0.1:4000', '10.0.0.2:4000', '[fd00::1]:4000']);
});

test('an answer is kept for as long as it says, and then asked for again while the old one serves', async () => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'], ttl: 20 } });
  const { sources } = openSources(server);
  const first = await sources.targets(a);
  atSecond(19);
  expect(sources.targets(a)).toBe(first);
  expect(server.questions).toHaveLength(2);
  server.zones['push.test'] = { a: ['10.0.0.9'], ttl: 20 };
  atSecond(20);
  expect(sources.targets(a)).toBe(first);
  await untilNames(sources, a, ['10.0.0.9:4000']);
  expect(server.questions).toHaveLength(4);
});

test.each([
  [0, 1],
  [86_400, 60],
])('a time to live of %i s is taken for %i s', async (ttl, taken) => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'], ttl } });
  const { sources } = openSources(server);
  await sources.targets(a);
  atSecond(taken - 0.001);
  await sources.targets(a);
  expect(server.questions).toHaveLength(2);
  atSecond(taken);
  await sources.targets(a);
  await expect.poll(() => server.questions.length, { interval: 5 }).toBe(4);
});

test('the same answer again stays the same list', async () => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1', '10.0.0.2'] } });
  const { sources } = openSources(server);
  const first = await sources.targets(a);
  server.zones['push.test'] = { a: ['10.0.0.2', '10.0.0.1'] };
  atSecond(2);
  await sources.targets(a);
  await expect.poll(() => server.questions.length, { interval: 5 }).toBe(4);
  expect(await sources.targets(a)).toBe(first);
});

test('clients that come at once ask once', async () => {
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'] } });
  const { sources } = openSources(server);
  await Promise.all(Array.from({ length: 50 }, () => sources.targets(a)));
  expect(server.questions.sort()).toEqual(['push.test A', 'push.test AAAA']);
});

test('while the name server fails, what was known stays, and the log says so', async () => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'] } });
  const { sources, next } = openSources(server);
  await sources.targets(a);
  server.failing = true;
  atSecond(2);
  await sources.targets(a);
  const line = await next(/DNS gave no targets/);
  expect(line).toMatchObject({ level: 'warn', fields: { name: 'push.test:4000', kept: 1 } });
  expect(await namesOf(sources, a)).toEqual(['10.0.0.1:4000']);
  server.failing = false;
  server.zones['push.test'] = { a: ['10.0.0.2'] };
  atSecond(4);
  await untilNames(sources, a, ['10.0.0.2:4000']);
});

test.each([
  ['the name is gone', undefined],
  ['the name has no address any more', {}],
])('%s: that is an answer, and there are no targets', async (_name, zone) => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'] } });
  const { sources, lines } = openSources(server);
  await sources.targets(a);
  server.zones['push.test'] = zone;
  atSecond(2);
  await untilNames(sources, a, []);
  server.zones['push.test'] = { a: ['10.0.0.3'] };
  atSecond(70);
  await untilNames(sources, a, ['10.0.0.3:4000']);
  expect(lines).toEqual([]);
});

test('of services those of the least priority are targets, with their weights', async () => {
  const record = (port: number, priority: number, weight: number) => ({ port, priority, weight, name: 'one.test' });
  const server = await startNameServer({
    '_push._tcp.test': { srv: [record(4001, 10, 3), record(4000, 10, 0), record(5000, 20, 9)] },
  });
  const { sources } = openSources(server);
  const targets = await sources.targets(srv);
  expect(targets.map(({ name, weight }) => [name, weight])).toEqual([
    ['one.test:4000', 1],
    ['one.test:4001', 3],
  ]);
});

test.each([
  ['a service that is decidedly not there', { srv: [{ port: 0, priority: 0, weight: 0, name: '.' }] }],
  ['a service that nobody knows', undefined],
])('%s has no targets', async (_name, zone) => {
  const server = await startNameServer({ '_push._tcp.test': zone });
  const { sources, lines } = openSources(server);
  expect(await sources.targets(srv)).toEqual([]);
  expect(lines).toEqual([]);
});

test('an agent sends clients where DNS says, and follows it', async () => {
  const [one, other] = await Promise.all([startTarget(), startTarget()]);
  const service = (port: number) => ({ srv: [{ port, priority: 0, weight: 0, name: 'localhost' }] });
  const server = await startNameServer({ 'push.test': { a: ['127.0.0.1'] }, '_push._tcp.test': service(one.port) });
  const router = {
    default: { dns: 'push.test', port: one.port },
    srv: { srv: '_push._tcp.test' },
    gone: { dns: 'gone.test', port: 1 },
  };
  const agent = await startTestAgent(hooksTo(router), { routing: { dnsServers: [server.address] } });
  const portOf = async (product: string) => {
    const { headers, body } = await send(`${agent.url}/?product=${product}`);
    return headers['x-gopush-error'] ?? JSON.parse(body).headers.host;
  };
  await portOf('default');
  expect(one.requests).toHaveLength(1);
  await portOf('srv');
  expect(one.requests).toHaveLength(2);
  server.zones['_push._tcp.test'] = service(other.port);
  const ask = async () => {
    await portOf('srv');
    return other.requests.length;
  };
  await expect.poll(ask, { timeout: 10_000 }).toBeGreaterThan(0);
  expect(codeOf(await send(`${agent.url}/?product=gone`))).toBe('target_none');
});

test('of names that a function makes up only so many are kept, those last asked for', async () => {
  atSecond(0);
  const server = await startNameServer({ 'push.test': { a: ['10.0.0.1'], ttl: 20 } });
  const { sources } = openSources(server);
  await sources.targets(a);
  const made = (from: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        sources.targets({ kind: 'dns', name: `x${from + index}.test`, port: 1, options: {} }),
      ),
    );
  await made(0, 600);
  atSecond(30);
  await sources.targets(a);
  await expect.poll(() => server.questions.filter((one) => one === 'push.test A').length).toBe(2);
  await made(600, 600);
  expect(Array.isArray(sources.targets(a))).toBe(true);
  expect(server.questions.filter((one) => one === 'x0.test A')).toHaveLength(1);
  await made(0, 1);
  expect(server.questions.filter((one) => one === 'x0.test A')).toHaveLength(2);
});
