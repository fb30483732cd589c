import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { type ConfigInput, createConfig, createTrust, sessionTokenHeader } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { createLimits } from '../../src/limits/limits.ts';
import { acceptOf } from '../../src/request/handshake.ts';
import type { Agent } from '../../src/start/start-agent.ts';
import { readState, untilMetric, withAdmin } from '../support/admin.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { codeOf, handshakeBytes, openRaw, sampleAnswer, send } from '../support/client.ts';
import { startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function startLimited(limits: ConfigInput['limits'], access: ConfigInput['access'] = {}) {
  const target = await startEchoTarget();
  return startTestAgent(
    { agent: ({ query }) => query.as ?? 'ann', router: { default: target } },
    { ...withAdmin, limits, access },
  );
}

test.each([
  ['connections', 'too_many_connections', 503],
  ['connectionsPerIp', 'too_many_connections_ip', 429],
] as const)(
  '%s beyond the limit are refused, requests and upgrades, until others close',
  async (limit, code, status) => {
    const agent = await startLimited({ [limit]: 2 });
    const open = [await openRaw(agent.port, get), await openRaw(agent.port, handshakeBytes('/'))];
    for (const one of open) await one.until(/^HTTP\/1\.1 [12]0/);
    const answer = await send(agent.url);
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([status, code, '1']);
    const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
    expect(text).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*x-gopush-error: ${code}\\r\\n[\\s\\S]*retry-after: 1\\r\\n`),
    );
    await untilMetric(agent, `failures_total{code="${code}"}`, 2);
    await untilMetric(agent, 'connections', 2);
    for (const { socket } of open) socket.destroy();
    await untilMetric(agent, 'connections', 0);
    expect((await send(agent.url)).status).toBe(200);
    await untilMetric(agent, 'connections', 0);
  },
);

test('a refused connection is closed with its answer, so that its client does not stay refused', async () => {
  const agent = await startLimited({ connections: 1 });
  const first = await openRaw(agent.port, get);
  await first.until(/^HTTP\/1\.1 200/);
  const text = await (await openRaw(agent.port, get)).closed();
  expect(text).toMatch(/^HTTP\/1\.1 503 [\s\S]*connection: close\r\n/i);
});

test('a refused connection on which nothing is asked is closed', async () => {
  const agent = await startLimited({ connections: 1 });
  const first = await openRaw(agent.port, get);
  await first.until(/^HTTP\/1\.1 200/);
  expect(await (await openRaw(agent.port)).closed()).toBe('');
});

test('addresses are counted each for itself, and trusted proxies not at all', async () => {
  const agent = await startLimited({ connectionsPerIp: 1, newPerSecondPerIp: 1 }, { trustedProxies: ['127.0.0.3/32'] });
  const ask = (localAddress: string) => send(agent.url, { localAddress, agent: false });
  const upgrade = (localAddress: string) => {
    const socket = new WebSocket(agent.url, { localAddress } as object);
    onTestFinished(() => socket.terminate());
    return once(socket, 'message');
  };
  await upgrade('127.0.0.1');
  expect(codeOf(await ask('127.0.0.1'))).toBe('too_many_connections_ip');
  await upgrade('127.0.0.2');
  for (let time = 0; time < 5; time++) {
    await upgrade('127.0.0.3');
    expect((await ask('127.0.0.3')).status).toBe(200);
  }
});

test.each([
  ['newPerSecond', 'too_fast', 503],
  ['newPerSecondPerIp', 'too_fast_ip', 429],
] as const)('%s beyond the limit are refused', async (limit, code, status) => {
  const agent = await startLimited({ [limit]: 1 });
  const answers = await Promise.all(Array.from({ length: 30 }, () => send(agent.url)));
  const refused = answers.filter((answer) => answer.status !== 200);
  expect(refused.length).toBeGreaterThan(20);
  expect(refused.length).toBeLessThan(30);
  for (const answer of refused) {
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([status, code, '1']);
  }
  await untilMetric(agent, `failures_total{code="${code}"}`, refused.length);
  await untilMetric(agent, 'connections', 0);
});

/** WebSockets of an agent, in tunnels or handed over. */
async function countClients(agent: Agent): Promise<number> {
  const { tunnels, handedOff } = await readState(agent);
  return tunnels + handedOff;
}

test('a uid has no more tunnels than it may, in use or on their way, and has them back when they close', async () => {
  const agent = await startLimited({ tunnelsPerUid: 2 });
  const open = async (uid: string) => {
    const socket = new WebSocket(`${agent.url}/?as=${uid}`);
    await once(socket, 'message');
    return socket;
  };
  const refuse = async () => (await openRaw(agent.port, handshakeBytes('/?as=ann'))).closed();
  const [first, second] = [await open('ann'), await open('ann')];
  expect(await refuse()).toMatch(/^HTTP\/1\.1 429 [\s\S]*too_many_tunnels_uid\r\n[\s\S]*retry-after: 1\r\n/);
  await open('bob');
  expect((await send(`${agent.url}/?as=ann`)).status).toBe(200);
  first.close();
  second.terminate();
  await expect.poll(() => countClients(agent), { timeout: 10_000 }).toBe(1);
  await open('ann');
  await open('ann');
  expect(await refuse()).toMatch(/too_many_tunnels_uid/);
  await untilMetric(agent, 'failures_total{code="too_many_tunnels_uid"}', 2);
});

test('upgrades that come to nothing take none of the tunnels of a uid', async () => {
  const [refusing, resetting] = [
    await startRawTarget((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n')),
    ),
    await startRawTarget((socket) => socket.once('data', () => socket.resetAndDestroy())),
  ];
  const router = { default: refusing, resetting };
  const agent = await startTestAgent(hooksTo(router), { ...withAdmin, limits: { tunnelsPerUid: 1 } });
  for (const path of ['/', '/', '/?product=resetting', '/?product=resetting', '/']) {
    const text = await (await openRaw(agent.port, handshakeBytes(path))).closed();
    expect(text).toMatch(path === '/' ? /^HTTP\/1\.1 400 / : /target_reset/);
  }
});

test('a request has no more headers than it may', async () => {
  const agent = await startLimited({ headers: 10 });
  const ask = async (count: number) => {
    const own = Array.from({ length: count - 2 }, (_, index) => `x-${index}: 1\r\n`).join('');
    return (await openRaw(agent.port, `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${own}\r\n`)).closed();
  };
  expect(await ask(10)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await ask(11)).toMatch(/^HTTP\/1\.1 431 [\s\S]*headers_too_large/);
  expect(await ask(1_500)).toMatch(/^HTTP\/1\.1 431 [\s\S]*headers_too_large/);
  await untilMetric(agent, 'failures_total{code="headers_too_large"}', 2);
});

test('counts come back to zero when tunnels close, also that of a client which ended before its upgrade was granted', async () => {
  const upgrades: Socket[] = [];
  const asked = new EventEmitter();
  const target = await startRawTarget((socket) => {
    socket.once('data', () => {
      upgrades.push(socket);
      asked.emit('upgrade');
    });
  });
  const router = { default: target, http: await startTarget() };
  const agent = await startTestAgent(hooksTo(router), { ...withAdmin, limits: { connectionsPerIp: 10 } });
  for (const ends of [false, true]) {
    const arrived = once(asked, 'upgrade');
    const raw = await openRaw(agent.port, handshakeBytes('/'));
    await arrived;
    if (ends) {
      await new Promise<void>((resolve) => raw.socket.end(resolve));
      // By the time this is answered the agent has heard of the end.
      await send(`${agent.url}/?product=http`);
    }
    const closed = raw.closed();
    upgrades.pop()?.end(sampleAnswer);
    if (!ends) raw.socket.end();
    expect(await closed).toMatch(ends ? /^$/ : /^HTTP\/1\.1 101/);
    await untilMetric(agent, 'tunnels', 0);
    await untilMetric(agent, 'tunnels_opened_total', 1);
    await untilMetric(agent, 'connections', 0);
  }
});

test('of IPv6 the /64 counts as one address', () => {
  const config = createConfig({ limits: { connectionsPerIp: 2 } });
  const limits = createLimits(config.limits, createTrust([]), { lastMs: () => 0, restart() {}, close() {} });
  onTestFinished(limits.close);
  const open = (remoteAddress: string): Socket => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress, setTimeout() {} }) as unknown as Socket;
    limits.connections.admit(socket);
    return socket;
  };
  const first = open('2001:db8:1:2::1');
  open('2001:db8:1:2:ffff::9');
  const third = open('2001:db8:1:2:3:4:5:6');
  expect(limits.refusal(third)).toBe('too_many_connections_ip');
  expect(limits.refusal(open('2001:db8:1:3::1'))).toBeUndefined();
  expect(limits.refusal(open('::1'))).toBeUndefined();
  expect(limits.refusal(open('::2'))).toBeUndefined();
  expect(limits.refusal(open('::ffff:192.0.2.1'))).toBeUndefined();
  expect(limits.refusal(open('192.0.2.1'))).toBeUndefined();
  expect(limits.refusal(open('::ffff:192.0.2.1'))).toBe('too_many_connections_ip');
  first.emit('close');
  third.emit('close');
  expect(limits.refusal(open('2001:db8:1:2::7'))).toBeUndefined();
});

test('a node with too much to do refuses what is new, and its tunnels go on', async () => {
  const agent = await startLimited({ eventLoopDelayMs: 200 });
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  const end = performance.now() + 1_500;
  while (performance.now() < end);
  const codeNow = async () => (await send(agent.url)).headers['x-gopush-error'];
  await expect.poll(codeNow, { interval: 5, timeout: 10_000 }).toBe('overloaded');
  const refused = await openRaw(agent.port, handshakeBytes('/'));
  socket.send('still here');
  expect(String((await once(socket, 'message'))[0])).toBe('still here');
  expect(await refused.closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded[\s\S]*retry-after: [1-8]\r\n/);
  await expect.poll(codeNow, { interval: 50, timeout: 10_000 }).toBeUndefined();
  expect(await countClients(agent)).toBe(1);
});

test('a node refuses nobody because its start took long', async () => {
  let isStarting = true;
  // As modules that are loaded, and a store that is opened.
  const work = (): void => {
    const end = performance.now() + 700;
    while (performance.now() < end);
    if (isStarting) setImmediate(work);
  };
  setImmediate(work);
  const agent = await startLimited({ eventLoopDelayMs: 600 });
  isStarting = false;
  const codes = new Set<unknown>();
  // The second in which it started is looked at during the one after it.
  for (const end = performance.now() + 2_100; performance.now() < end; await delay(50)) {
    codes.add((await send(agent.url)).headers['x-gopush-error']);
  }
  expect([...codes]).toEqual([undefined]);
});

test('while it lasts that a node does not keep up, it refuses a share of new sessions before hooks are asked, and what there is goes on', async () => {
  let calls = 0;
  let busyMs = 11;
  const target = await startEchoTarget();
  const hooks = {
    agent: () => {
      calls++;
      const end = performance.now() + busyMs;
      while (performance.now() < end);
      return 'ann';
    },
    router: { default: target },
  };
  const agent = await startTestAgent(hooks, { ...withAdmin, limits: { eventLoopDelayMs: 2_000 } });
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  const polling = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  /** Has 60 sessions begin at once. @returns how many did, and how often the hook was asked */
  const storm = async () => {
    const before = calls;
    const clients = await Promise.all(Array.from({ length: 60 }, () => openRaw(agent.port)));
    await untilMetric(agent, 'connections', 61);
    for (const [index, { socket }] of clients.entries()) socket.write(index % 2 === 0 ? handshakeBytes('/') : polling);
    const heads = await Promise.all(clients.map(async (client) => (await client.until(/^HTTP[\s\S]*?\r\n\r\n/))[0]));
    for (const client of clients) client.socket.destroy();
    await untilMetric(agent, 'connections', 1);
    const refused = heads.filter((head) => head.startsWith('HTTP/1.1 503'));
    for (const head of refused) {
      expect(head).toMatch(/x-gopush-error: overloaded\r\n/);
      expect(head).toMatch(/retry-after: [1-8]\r\n/);
    }
    return { begun: 60 - refused.length, asked: calls - before };
  };
  let share = await storm();
  let refused = 60 - share.begun;
  // After a pause of the whole machine `eventLoopDelayMs` refuses all for a while: that is another limit.
  for (let turn = 0; turn < 40 && share.begun % 60 === 0; turn++) {
    share = await storm();
    refused += 60 - share.begun;
  }
  expect(share.begun).toBeLessThan(60);
  expect(share.begun).toBeGreaterThan(0);
  expect(share.asked).toBe(share.begun);
  await untilMetric(agent, 'failures_total{code="overloaded"}', refused);
  // Requests of sessions there are.
  busyMs = 0;
  const going = Array.from({ length: 60 }, () => send(`${agent.url}/socket.io/?EIO=4&transport=polling&sid=a`));
  for (const { status } of await Promise.all(going)) expect(status).toBe(200);
  socket.send('still here');
  expect(String((await once(socket, 'message'))[0])).toBe('still here');
  await expect.poll(async () => (await storm()).begun, { interval: 50, timeout: 60_000 }).toBe(60);
}, 180_000);

test('a pause that does not last refuses no session', async () => {
  const agent = await startLimited({ eventLoopDelayMs: 1_000 });
  const end = performance.now() + 500;
  while (performance.now() < end);
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
});

test('of a target that says it has too much to do fewer handshakes are asked, and hooks no more while it takes none', async () => {
  const asked: Socket[] = [];
  const target = await startRawTarget((socket) => socket.once('data', () => asked.push(socket)));
  let calls = 0;
  const hooks = {
    agent: () => {
      calls++;
      return 'ann';
    },
    router: { default: target },
  };
  const agent = await startTestAgent(hooks, withAdmin);
  const open = (count: number) =>
    Promise.all(Array.from({ length: count }, () => openRaw(agent.port, handshakeBytes('/'))));
  const busy = await open(32);
  await expect.poll(() => asked.length).toBe(32);
  for (const socket of asked)
    socket.end('HTTP/1.1 503 Service Unavailable\r\nx-gopush-error: overloaded\r\ncontent-length: 0\r\n\r\n');
  for (const client of busy) expect(await client.closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded/);
  await open(16);
  await expect.poll(() => asked.length).toBe(48);
  const before = calls;
  const [refused] = await open(1);
  expect(await refused?.closed()).toMatch(/^HTTP\/1\.1 503 [\s\S]*overloaded/);
  expect([asked.length, calls]).toEqual([48, before]);
  await untilMetric(agent, 'failures_total{code="overloaded"}', 1);
  // An existing session continues.
  await openRaw(agent.port, handshakeBytes('/socket.io/?EIO=4&transport=websocket&sid=a'));
  await expect.poll(() => asked.length).toBe(49);
  // Those that wait for something else make room.
  await expect
    .poll(async () => (await open(1)) && asked.length, { interval: 100, timeout: 10_000 })
    .toBeGreaterThan(49);
});

/** A target that answers handshakes one after the other, each 10 ms after the one before. */
async function startSlowTarget(head: string) {
  const counts = { asked: 0 };
  let line = Promise.resolve();
  const target = await startRawTarget((socket) =>
    socket.once('data', (bytes) => {
      counts.asked++;
      const key = /sec-websocket-key: (\S+)/i.exec(bytes.toString('latin1'))?.[1] ?? '';
      line = line.then(() => delay(10));
      void line.then(() =>
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${acceptOf(key)}\r\n${head}\r\n`,
        ),
      );
    }),
  );
  return { target, counts };
}

test.each([
  ['a push-server is asked fewer at a time', `${sessionTokenHeader}: token\r\n`, true],
  ['another target is asked as before', '', false],
] as const)('where handshakes wait ever longer, %s', async (_, head, isBounded) => {
  const { target, counts } = await startSlowTarget(head);
  let calls = 0;
  const hooks = {
    agent: () => {
      calls++;
      return 'ann';
    },
    router: { default: target },
  };
  const agent = await startTestAgent(hooks, { ...withAdmin, limits: { eventLoopDelayMs: 60_000 } });
  const outcomes = { begun: 0, refused: 0 };
  const begin = async (): Promise<void> => {
    const client = await openRaw(agent.port, handshakeBytes('/'));
    const [text] = await client.until(/^HTTP[\s\S]*?\r\n\r\n/);
    outcomes[text.startsWith('HTTP/1.1 101') ? 'begun' : 'refused']++;
    if (!text.startsWith('HTTP/1.1 101')) expect(text).toMatch(/^HTTP\/1\.1 503 [\s\S]*x-gopush-error: overloaded\r\n/);
  };
  const begun: Promise<void>[] = [];
  const storm = setInterval(() => begun.push(begin(), begin(), begin()), 15);
  onTestFinished(() => clearInterval(storm));
  await expect
    .poll(() => outcomes.refused > 20 || begun.length > (isBounded ? 1_000 : 250), { timeout: 20_000 })
    .toBe(true);
  clearInterval(storm);
  await Promise.all(begun);
  expect(outcomes.refused > 0).toBe(isBounded);
  expect(outcomes.begun).toBe(counts.asked);
  // A turn lies between the look at what a target takes and the hooks, and its place may have gone in it.
  expect(calls).toBeGreaterThanOrEqual(counts.asked);
  expect(calls).toBeLessThanOrEqual(counts.asked + 3);
  // It recovers.
  const before = outcomes.begun;
  await begin();
  expect(outcomes.begun).toBe(before + 1);
});

test('headers that come drop by drop are ended by the deadline', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), { ...withAdmin, agent: { headerTimeoutMs: 300 } });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
  const drops = setInterval(() => raw.socket.write('x'), 20);
  onTestFinished(() => clearInterval(drops));
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*request_timeout/);
  expect(target.requests).toEqual([]);
  await untilMetric(agent, 'failures_total{code="request_timeout"}', 1);
  await untilMetric(agent, 'connections', 0);
});

test('handshakes of TLS count from the moment the connection comes', async () => {
  const dir = await makeFolder();
  const tls = await makeCertificate(dir, 'first');
  const ca = await readFile(tls.certFile, 'utf8');
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), {
    ...withAdmin,
    // Far longer than the test waits: connections that end in their handshake are gone before it is over.
    agent: { tls, headerTimeoutMs: 120_000 },
    limits: { connections: 3 },
  });
  const helloBegins = '\x16\x03\x01\x02\x00\x01';
  const silent = [await openRaw(agent.port), await openRaw(agent.port), await openRaw(agent.port, helloBegins)];
  await untilMetric(agent, 'connections', 3);
  const refused = await fetchTls(agent.port, ca);
  expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*too_many_connections/);
  await untilMetric(agent, 'connections', 3);
  for (const { socket } of silent) socket.end();
  await untilMetric(agent, 'connections', 0);
  expect(await fetchTls(agent.port, ca)).toMatch(/^HTTP\/1\.1 200 /);
  await untilMetric(agent, 'connections', 0);
});

async function fetchTls(port: number, ca: string): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test('the kernel asks whether clients are still there: on requests, tunnels, with TLS or without', async () => {
  const dir = await makeFolder();
  const tls = await makeCertificate(dir, 'first');
  const target = await startEchoTarget();
  const plain = await startTestAgent(hooksTo({ default: target }));
  const secure = await startTestAgent(hooksTo({ default: target }), { agent: { tls } });
  const tunnel = await openRaw(plain.port, handshakeBytes('/'));
  await tunnel.until(/^HTTP\/1\.1 101/);
  const opened = [tunnel, await openRaw(plain.port), await openRaw(secure.port)];
  for (const { socket } of opened) {
    const probes = (): string =>
      execFileSync('ss', ['-Htno', 'state', 'established', 'dport', '=', `:${socket.localPort}`], { encoding: 'utf8' });
    await expect.poll(probes).toMatch(/timer:\(keepalive/);
  }
});
