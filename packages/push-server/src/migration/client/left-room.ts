import { numberOfEpoch } from '@gopush/contract';
import type { Socket } from 'socket.io';
import { takenOf } from './direct-connection.ts';
import { migratingClientOf } from './migrating-client.ts';

/**
 * A socket has left a room. What is noted of a client that was handed over must not name this room any more: the push-server that goes on after a
 * crash would not find its epoch in the session, and so would not know what the client has had.
 */
export function leftRoom(socket: Socket, room: string, epoch: string): void {
  const { conn, sockets } = migratingClientOf(socket);
  const taken = takenOf(conn);
  if (taken === undefined) return;
  // What was written in this turn is noted at the end of it.
  setImmediate(() => {
    for (const { rooms } of sockets.values()) if (rooms.has(room)) return;
    taken.forget(numberOfEpoch(epoch));
  });
}
