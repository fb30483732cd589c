import { numberOfEpoch } from '@gopush/contract';
import type { Socket } from 'socket.io';
import { takenOf } from './direct-connection.ts';
import { type MigratingClient, migratingClientOf } from './migrating-client.ts';

/**
 * A socket has left a room: the positions of this epoch mean nothing to its client any more. After a crash the next push-server would not find this
 * epoch in the session of a client that was handed over, and so would not know what the client has received.
 */
export function leftRoom(socket: Socket, room: string, epoch: string): void {
  forget(socket, epoch, ({ sockets }) => ![...sockets.values()].some(({ rooms }) => rooms.has(room)));
}

/** The history of a room that a socket is in has restarted, so that positions of this epoch mean nothing any more. */
export function historyEnded(socket: Socket, epoch: string): void {
  forget(socket, epoch, () => true);
}

function forget(socket: Socket, epoch: string, isWanted: (client: MigratingClient) => boolean): void {
  const client = migratingClientOf(socket);
  const taken = takenOf(client.conn);
  if (taken === undefined) return;
  // What was written in this turn is noted at the end of it.
  setImmediate(() => {
    if (isWanted(client)) taken.forget(numberOfEpoch(epoch));
  });
}
