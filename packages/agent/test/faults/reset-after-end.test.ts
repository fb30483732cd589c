import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { countTcp, patiently, startSeeingTarget } from '../support/wire.ts';

async function openTunnel() {
  await expect.poll(countTcp, patiently).toBe(0);
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  raw.socket.allowHalfOpen = true;
  const seen = await coming;
  await raw.until(/\r\n\r\n/);
  return { agent, client: raw, target: seen };
}

/** Sends until it is told that nobody listens: the first bytes only bring the reset, the next ones find it. */
function talkOn(socket: Socket): void {
  const talking = setInterval(() => socket.write('too late'), 1);
  socket.once('close', () => clearInterval(talking));
  onTestFinished(() => clearInterval(talking));
}

test('a client that ends its side and is then cut off leaves nothing open', async () => {
  const { client, target } = await openTunnel();
  const ended = once(target.socket, 'end');
  client.socket.end();
  await ended;
  client.socket.destroy();
  talkOn(target.socket);
  await target.gone;
  await expect.poll(countTcp, patiently).toBe(0);
});

test('a target that ends its side and is then cut off leaves nothing open', async () => {
  const { client, target } = await openTunnel();
  const ended = once(client.socket, 'end');
  target.socket.end();
  await ended;
  target.socket.destroy();
  talkOn(client.socket);
  await client.closed();
  await expect.poll(countTcp, patiently).toBe(0);
});

test('clients that reset right after their handshake leave nothing open', async () => {
  await expect.poll(countTcp, patiently).toBe(0);
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  for (let count = 0; count < 20; count++) {
    const raw = await openRaw(agent.port, handshakeBytes('/'));
    raw.socket.resetAndDestroy();
  }
  await expect.poll(countTcp, patiently).toBe(0);
});
