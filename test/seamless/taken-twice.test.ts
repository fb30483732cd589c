import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { canMigrateHeader, keepsTokenBefore, sessionTokenHeader, uidHeader } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { describeNodes } from '../support/nodes.ts';

const urlOf = ({ port }: PushServer): string => `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;

/** Headers as an agent adds them. */
const headers = { [uidHeader]: 'ann', [canMigrateHeader]: keepsTokenBefore };

/** A client of Socket.IO behind an agent of the test, which may ask two times for its session, as one does that stops while it asks. */
async function open(server: PushServer, more: Readonly<Record<string, string>> = {}) {
  const webSocket = new WebSocket(urlOf(server), { headers: { ...headers, ...more } });
  onTestFinished(() => webSocket.terminate());
  const seen = { packets: [] as string[], isClosed: false };
  webSocket.on('message', (data) => seen.packets.push(String(data))).on('error', () => {});
  webSocket.on('close', () => {
    seen.isClosed = true;
  });
  const [{ headers: given }] = (await once(webSocket, 'upgrade')) as [IncomingMessage];
  return {
    webSocket,
    seen,
    token: String(given[sessionTokenHeader]),
    /** Whether it has got an event with this message. */
    has: (message: string) => seen.packets.some((packet) => packet.startsWith('42') && packet.includes(message)),
  };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** A session whose client is in a room, as its push-server leaves it when it stops. @returns its token */
async function leaveSession(server: PushServer): Promise<string> {
  const client = await open(server);
  const { webSocket, seen, token } = client;
  webSocket.send('40');
  await expect.poll(() => seen.packets.some((packet) => packet.startsWith('40'))).toBe(true);
  webSocket.send('421["go:join","room"]');
  await expect.poll(() => seen.packets.some((packet) => packet.startsWith('431'))).toBe(true);
  await server.close();
  return token;
}

/** A client that was given its session is reached by all that is published. */
async function expectServed(server: PushServer, client: Opened): Promise<void> {
  await expect
    .poll(async () => {
      await server.push.toRoom('room', 'count', 'to its room');
      await server.push.toUser('ann', 'own', 'to its user');
      return [client.has('to its room'), client.has('to its user'), client.seen.isClosed];
    })
    .toEqual([true, true, false]);
  // Until then the one that has stopped counts as well.
  await expect.poll(() => server.push.presence.user('ann')).toMatchObject({ value: { devices: 1 } });
  await delay(leaseMs);
  expect(await server.push.toUser('ann', 'own', 'later')).toMatchObject({ value: { state: 'sent', devices: 1 } });
  await expect.poll(() => client.has('later')).toBe(true);
  expect(server.io.engine.clientsCount).toBe(1);
}

const leaseMs = 500;

describeNodes('a session that is asked for once more, after its first connection was given up', (startNodes) => {
  test('while a middleware of its program still looks at the first: the second has it, and gets all', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start({ leaseMs }), await nodes.start({ leaseMs })];
    const token = await leaveSession(one);
    const waiting: (() => void)[] = [];
    two.io.use((_socket, next) => void waiting.push(next));
    const first = await open(two, { [sessionTokenHeader]: token });
    await expect.poll(() => waiting.length).toBe(1);
    first.webSocket.terminate();
    await expect.poll(() => two.io.engine.clientsCount).toBe(0);
    const opening = open(two, { [sessionTokenHeader]: token });
    await expect.poll(() => waiting.length).toBe(2);
    waiting[1]?.();
    const second = await opening;
    await expect.poll(() => two.io.of('/').sockets.size).toBe(1);
    waiting[0]?.();
    await expectServed(two, second);
  });
});
