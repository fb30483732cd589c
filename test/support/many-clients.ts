import type { Socket } from 'socket.io-client';
import { connectClient } from './socket-io.ts';

/** Clients in a room, who count how often they are cut off. */
export async function connectMany(url: string, count: number, name = 'user') {
  const cuts: string[] = [];
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const client = await connectClient(url, 'websocket', { query: { user: `${name}-${index}` } });
      client.on('disconnect', (reason) => void cuts.push(reason));
      await client.emitWithAck('go:join', 'room');
      return client;
    }),
  );
  return { clients, cuts };
}

/** How many clients each of them finds in the room: once each, if all joined it alone. */
export const roomCountsOf = (clients: readonly Socket[]) =>
  Promise.all(clients.map(async (client) => (await client.timeout(10_000).emitWithAck('go:leave', 'never')).count));
