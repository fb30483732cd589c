import type { Socket as TcpSocket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { handsOver } from '../support/hands-over.ts';
import { describeNodes, hear } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** The connection below a socket of Socket.IO. */
interface Connection {
  readonly transport: { readonly socket: { readonly _socket: TcpSocket } };
}

/** Cuts connections of agents at the push-server, which lives on. */
function cutAt(server: PushServer, cut: (socket: TcpSocket) => void): number {
  const clients = [...server.io.of('/').sockets.values()];
  for (const { conn } of clients) cut((conn as unknown as Connection).transport.socket._socket);
  return clients.length;
}

/** Asks until there is a response: what was on its way when the link was cut may be lost. */
async function untilAnswered(socket: Socket): Promise<void> {
  const ask = (): Promise<boolean> =>
    socket
      .timeout(500)
      .emitWithAck('go:join', 'lobby')
      .then(
        () => true,
        () => false,
      );
  while (!(await ask()) && socket.connected) {}
}

describeNodes('the link between an agent and a push-server that lives on is cut', (startNodes) => {
  async function startCluster(clients: number) {
    const nodes = await startNodes();
    const [first, second] = [await nodes.start(), await nodes.start()];
    const link = await startCuttingProxy([first.port]);
    const ports = [Number(new URL(link.url).port), second.port];
    const agent = await startTestAgent({ agent: believing, router: { default: { ip: '127.0.0.1', ports } } });
    const sockets = await Promise.all(
      Array.from({ length: clients }, (_, n) =>
        connectClient(agent.url, 'websocket', { query: { user: `user-${n}` } }),
      ),
    );
    const lost: string[] = [];
    for (const [n, socket] of sockets.entries()) socket.on('disconnect', (why) => lost.push(`user-${n}: ${why}`));
    const heard = sockets.map((socket) => ({ n: hear<number>(socket, 'n'), gaps: hear(socket, 'go:gap') }));
    await Promise.all(sockets.map((socket) => socket.emitWithAck('go:join', 'lobby')));
    return { first, second, link, sockets, lost, heard };
  }

  /** Publishes before, while and after the link is cut; every client has to get all of it once. */
  async function keepsAll(
    { first, second, sockets, lost, heard }: Awaited<ReturnType<typeof startCluster>>,
    cut: () => void,
  ): Promise<void> {
    for (const n of [1, 2, 3]) await second.push.toRoom('lobby', 'n', n);
    cut();
    for (const n of [4, 5, 6]) await second.push.toRoom('lobby', 'n', n);
    for (const n of [7, 8, 9]) await first.push.toRoom('lobby', 'n', n);
    await Promise.all(sockets.map(untilAnswered));
    expect(lost).toEqual([]);
    await Promise.all(heard.map(({ n }) => n.has(9)));
    for (const { n, gaps } of heard) {
      expect(n.all).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(gaps.all).toEqual([]);
    }
    const users = async (): Promise<number> => {
      const room = await second.push.presence.room('lobby');
      return room.ok ? room.value.length : -1;
    };
    await expect.poll(users).toBe(sockets.length);
    // The node that lost the links says so within its time of grace, here at once.
    await delay(300);
    expect(await users()).toBe(sockets.length);
  }

  test('between the two: every client goes on at the other push-server', async () => {
    const cluster = await startCluster(20);
    await keepsAll(cluster, () => cluster.link.cut());
  });

  test.each([
    ['by a reset', (socket: TcpSocket) => void socket.resetAndDestroy()],
    ['by its end', (socket: TcpSocket) => void socket.destroy()],
  ])('at the push-server, %s', async (_how, cut) => {
    const cluster = await startCluster(20);
    await keepsAll(cluster, () => {
      expect(cutAt(cluster.first, cut)).toBeGreaterThan(0);
    });
  });

  // With hand-offs there is no link, and this would cut the client.
  test.skipIf(handsOver)('of the only push-server: every client goes on where it was', async () => {
    const cluster = await startCluster(12);
    cluster.link.cut();
    await Promise.all(cluster.sockets.map(untilAnswered));
    // Now all are at the second one, and no other is there.
    await cluster.first.close();
    await keepsAll({ ...cluster, first: cluster.second }, () => {
      cutAt(cluster.second, (socket) => void socket.resetAndDestroy());
    });
  });

  test.skipIf(handsOver)('again and again, there and back', async () => {
    const cluster = await startCluster(12);
    for (let round = 0; round < 3; round++) {
      const { first, second, sockets, lost } = cluster;
      cutAt(round % 2 === 0 ? first : second, (socket) => void socket.resetAndDestroy());
      await Promise.all(sockets.map(untilAnswered));
      expect(lost).toEqual([]);
    }
  });
});
