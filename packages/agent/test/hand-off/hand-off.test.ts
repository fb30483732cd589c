import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { descriptorOf } from '../../../hand-off/src/system/descriptor-of.ts';
import { type Libc, loadLibc } from '../../../hand-off/src/system/libc.ts';
import { readMetrics, readState, untilMetric, withAdmin } from '../support/admin.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { handshakeBytes, openRaw } from '../support/client.ts';
import { startEchoTarget } from '../support/target.ts';
import { echo, openSocket, startHandingAgent } from './support/handing-agent.ts';
import { makeHandOffDir, startTakingEcho } from './support/taking-target.ts';

test('a WebSocket is handed to a target that takes part, and nothing of it goes through the agent', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent, ended } = await startHandingAgent({ default: target }, dir);
  const { socket, first } = await openSocket(`${agent.url}/chat?x=1`);
  expect(JSON.parse(first)).toMatchObject({ url: '/chat?x=1', headers: { 'x-gopush-uid': 'ann' } });
  expect(await echo(socket, 'hello')).toBe('hello');
  expect(await readState(agent)).toMatchObject({ tunnels: 0, handedOff: 1, connections: expect.any(Number) });
  expect(target.taken[0]?.isShared).toBe(true);
  socket.close(4001, 'bye');
  const [line] = await ended(1);
  expect(line).toMatchObject({ uid: 'ann', product: 'default', target: `127.0.0.1:${target.port}`, moves: 0 });
  const [bytesIn, bytesOut] = [6 + 5 + 6 + 5, 4 + first.length + 2 + 5 + 2 + 5];
  expect(line?.bytesIn).toBe(bytesIn);
  expect(line?.bytesOut).toBe(bytesOut);
  await untilMetric(agent, 'handed_off', 0);
  const metrics = await readMetrics(agent);
  expect(metrics.get('handed_off_total')).toBe(1);
  expect(metrics.get('tunnels_opened_total')).toBe(1);
  expect(metrics.get(`target_tunnels{product="default",target="127.0.0.1:${target.port}"}`)).toBe(0);
  expect(target.faults).toEqual([]);
});

test('small writes of a target leave at once: the agent has set TCP_NODELAY, as targets count on', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent } = await startHandingAgent({ default: target }, dir);
  await openSocket(agent.url);
  const libc = (await loadLibc()) as Libc;
  const [value, size] = [Buffer.alloc(4), Buffer.from([4, 0, 0, 0])];
  const [tcp, noDelay] = [6, 1];
  expect(libc.getsockopt(descriptorOf(target.taken[0]?.socket as Socket), tcp, noDelay, value, size)).toBe(0);
  expect(value.readInt32LE()).toBe(1);
});

test('bytes glued to the handshake, and a cookie of the agent, go along', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent } = await startHandingAgent({ default: { targets: target, sticky: 'cookie' } }, dir);
  const frame = Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from('early')]).toString('latin1');
  const raw = await openRaw(agent.port, handshakeBytes('/') + frame);
  await raw.until(/^HTTP\/1\.1 101 [\s\S]*early$/);
  expect(raw.text()).toMatch(/\r\nset-cookie: /i);
  expect(await readState(agent)).toMatchObject({ handedOff: 1 });
});

test('the line of a connection names its own client, however many come after it', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent, ended } = await startHandingAgent({ default: target }, dir);
  const clients = [await openSocket(agent.url)];
  // More than those whose records are kept as objects.
  for (let count = 0; count < 6; count++)
    clients.push(...(await Promise.all(Array.from({ length: 50 }, () => openSocket(agent.url)))));
  const [first, last] = [clients[0], clients.at(-1)] as const;
  for (const [index, client] of [first, last].entries()) {
    client?.socket.close();
    const line = (await ended(index + 1))[index];
    expect(line?.id).toBe(JSON.parse(client?.first ?? '').headers['x-request-id']);
    expect(line).toMatchObject({ uid: 'ann', product: 'default', moves: 0, bytesIn: 6 });
  }
});

test('the limits of a uid and of an address hold until the target says that a connection has ended', async () => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const limits = { tunnelsPerUid: 1 };
  const { agent, ended } = await startHandingAgent({ default: target }, dir, { limits });
  const { socket } = await openSocket(agent.url);
  const second = await openRaw(agent.port, handshakeBytes('/'));
  expect(await second.closed()).toMatch(/too_many_tunnels_uid/);
  await untilMetric(agent, 'connections', 1);
  socket.close();
  await ended(1);
  await untilMetric(agent, 'connections', 0);
  await openSocket(agent.url);
});

test('a target that takes no part, and a client whose TLS ends at the agent, get tunnels', async () => {
  const dir = await makeHandOffDir();
  const [taking, plain] = [await startTakingEcho(dir), await startEchoTarget()];
  const tls = await makeCertificate(await makeFolder(), 'agent');
  const { agent } = await startHandingAgent({ default: taking, plain }, dir);
  await openSocket(`${agent.url}/?product=plain`);
  expect(await readState(agent)).toMatchObject({ tunnels: 1, handedOff: 0 });
  const secured = await startHandingAgent({ default: taking }, dir, { agent: { tls } });
  const socket = new WebSocket(secured.agent.url, { rejectUnauthorized: false });
  await once(socket, 'message');
  expect(await readState(secured.agent)).toMatchObject({ tunnels: 1, handedOff: 0 });
  socket.terminate();
});

test.each([
  ['idle', 1001, { tunnelIdleMs: 200 }],
  ['too old', 1012, { tunnelMaxAgeMs: 300 }],
])('a connection that is %s is closed with %i by its target', async (cause, code, limits) => {
  const dir = await makeHandOffDir();
  const target = await startTakingEcho(dir);
  const { agent, ended } = await startHandingAgent({ default: target }, dir, { agent: limits });
  const { socket } = await openSocket(agent.url);
  expect((await once(socket, 'close'))[0]).toBe(code);
  expect((await ended(1))[0]).toMatchObject({ cause, closeCode: code });
});

test('one line says at the start whether connections are handed over, and why not', async () => {
  const off = createMemoryLog();
  await startTestAgent(hooksTo(undefined), {}, off.log);
  expect((await off.next(/agent listening/)).fields.handOff).toBe('off: handOff.enabled is false');
  const dir = await makeHandOffDir();
  await chmod(dir, 0o777);
  const refused = createMemoryLog();
  const agent = await startTestAgent(
    hooksTo(undefined),
    { ...withAdmin, handOff: { enabled: true, dir } },
    refused.log,
  );
  await refused.next(/cannot be handed over/);
  expect((await refused.next(/agent listening/)).fields.handOff).toMatch(/^off: .*open to other users/);
  const reason = expect.stringContaining('open to other users');
  expect(await readState(agent)).toMatchObject({ handOff: { state: 'off', reason } });
});
