import type { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { readState, untilMetric } from '../support/admin.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { startEchoTarget, startTarget, type TestTarget } from '../support/target.ts';
import { createSignal, patiently } from '../support/wire.ts';
import { openSocket, startHandingAgent } from './support/handing-agent.ts';
import { makeHandOffDir, startTakingEcho, takeHandOffs } from './support/taking-target.ts';

/** A target that does as it is told with each upgrade. */
async function startUpgrading(onUpgrade: (socket: Duplex) => void): Promise<TestTarget> {
  const target = await startTarget();
  target.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {});
    onUpgrade(socket);
  });
  return target;
}

const forbidden = 'HTTP/1.1 403 Forbidden\r\nx-own: yes\r\ncontent-length: 2\r\n\r\nno';

test.each([
  ['with a length', forbidden],
  ['in chunks', 'HTTP/1.1 403 Forbidden\r\nx-own: yes\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'],
  ['until the end', 'HTTP/1.1 403 Forbidden\r\nx-own: yes\r\n\r\nno'],
])('a refusal of the target, %s, is relayed whole, and nothing counts any more', async (_name, response) => {
  const dir = await makeHandOffDir();
  const target = await startUpgrading((socket) => socket.end(response));
  const { taken } = await takeHandOffs(target, dir);
  const { agent } = await startHandingAgent({ default: target }, dir, { limits: { tunnelsPerUid: 1 } });
  for (let time = 0; time < 2; time++) {
    const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[\s\S]*x-own: yes[\s\S]*\r\n\r\n(?:2\r\nno\r\n0\r\n\r\n|no)$/i);
  }
  expect(taken.length).toBe(2);
  await untilMetric(agent, 'connections', 0);
  expect(await readState(agent)).toMatchObject({ tunnels: 0, handedOff: 0 });
});

test('a target that says it is full is passed over for the next one', async () => {
  const dir = await makeHandOffDir();
  const full = await startUpgrading((socket) =>
    socket.end('HTTP/1.1 503 Full\r\nx-gopush-error: too_many_connections\r\ncontent-length: 0\r\n\r\n'),
  );
  const { taken } = await takeHandOffs(full, dir);
  const free = await startTakingEcho(dir);
  const targets = [
    { ip: full.ip, port: full.port, weight: 1_000_000 },
    { ip: free.ip, port: free.port },
  ];
  const router = { default: { targets, choose: 'random-of-two' } } as const;
  const { agent } = await startHandingAgent(router, dir, {}, 2);
  await openSocket(agent.url);
  expect([taken.length, free.taken.length]).toEqual([1, 1]);
});

test('a target that takes no more connections gets a tunnel', async () => {
  const dir = await makeHandOffDir();
  const target = await takeHandOffs(await startEchoTarget(), dir, { maxConnections: 1 });
  const { agent } = await startHandingAgent({ default: target }, dir);
  await openSocket(agent.url);
  await openSocket(agent.url);
  expect(await readState(agent)).toMatchObject({ tunnels: 1, handedOff: 1 });
});

test('a target that does not respond is 504, and one that responds with a wrong key is 502', async () => {
  const dir = await makeHandOffDir();
  const silent = await startUpgrading(() => {});
  const wrong = await startUpgrading((socket) => socket.write(sampleAnswer.replace('s3pP', 'AAAA')));
  const [one, other] = [await takeHandOffs(silent, dir), await takeHandOffs(wrong, dir)];
  const settings = { agent: { handshakeTimeoutMs: 100 } };
  const { agent } = await startHandingAgent({ default: silent, wrong }, dir, settings, 2);
  const first = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(first).toMatch(/^HTTP\/1\.1 504 [\s\S]*target_silent/);
  const second = await (await openRaw(agent.port, handshakeBytes('/?product=wrong'))).closed();
  expect(second).toMatch(/^HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
  expect([one.taken.length, other.taken.length]).toEqual([1, 1]);
  // The target sees that nobody is there any more.
  for (const { socket } of [...one.taken, ...other.taken])
    await expect.poll(() => socket.destroyed, patiently).toBe(true);
  await untilMetric(agent, 'connections', 0);
});

test('a target that is gone before it has responded is passed over for the next one', async () => {
  const dir = await makeHandOffDir();
  const asked = createSignal();
  const dying = await startUpgrading(() => asked.resolve());
  const { taker } = await takeHandOffs(dying, dir);
  const next = await startTakingEcho(dir);
  const targets = [
    { ip: dying.ip, port: dying.port, weight: 1_000_000 },
    { ip: next.ip, port: next.port },
  ];
  const router = { default: { targets, choose: 'random-of-two' } } as const;
  const { agent } = await startHandingAgent(router, dir, {}, 2);
  const opening = openSocket(agent.url);
  await asked.promise;
  await taker.close();
  await opening;
  expect(next.taken.length).toBe(1);
});

test.each(['ends', 'resets'])('a client that %s while its target thinks frees both at once', async (how) => {
  const dir = await makeHandOffDir();
  const asked = createSignal();
  const target = await startUpgrading(() => asked.resolve());
  const { taken } = await takeHandOffs(target, dir);
  const { agent } = await startHandingAgent({ default: target }, dir, { limits: { tunnelsPerUid: 1 } });
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await asked.promise;
  if (how === 'ends') raw.socket.end();
  else raw.socket.resetAndDestroy();
  await untilMetric(agent, 'failures_total{code="client_gone"}', 1);
  await untilMetric(agent, 'connections', 0);
  await expect.poll(() => taken[0]?.socket.destroyed, patiently).toBe(true);
  expect(await readState(agent)).toMatchObject({ tunnels: 0, handedOff: 0 });
});

test('a client that resets after the hand-off ends at the target, and counts no longer', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent, ended } = await startHandingAgent({ default: target }, dir);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await raw.until(/\r\n\r\n[\s\S]/);
  raw.socket.resetAndDestroy();
  await ended(1);
  await untilMetric(agent, 'connections', 0);
  expect(target.taken[0]?.socket.destroyed).toBe(true);
});
