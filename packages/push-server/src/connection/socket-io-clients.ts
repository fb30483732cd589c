import { emitLocal } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';
import { emitEvent } from '../emit/emit-event.ts';
import { historyEnded } from '../migration/client/ended-positions.ts';
import type { Bus } from '../rooms/bus/bus.ts';
import type { ClientEvent } from '../rooms/delivery/client-event.ts';
import type { Clients } from '../rooms/delivery/clients.ts';
import { nameOfClients, slowClients } from '../rooms/names/room-names.ts';

/** The clients of a Socket.IO server, for its rooms. */
export class SocketIoClients implements Clients {
  readonly #io: Server;

  constructor(io: Server) {
    this.#io = io;
  }

  emit(room: string, except: readonly string[], event: ClientEvent, volatile?: boolean): void {
    const leftOut = volatile === true ? [...except, slowClients] : except;
    emitEvent(event, (...args) => emitLocal(this.#io.of('/'), [room], leftOut, args));
  }

  emitToAll(room: string | undefined, event: string, message: unknown): void {
    if (room === undefined) this.#io.emit(event, message);
    else this.#io.to(room).emit(event, message);
  }

  count(room: string): number {
    return this.#io.of('/').adapter.rooms.get(room)?.size ?? 0;
  }

  historyEnded(room: string, epoch: string): void {
    const { adapter, sockets } = this.#io.of('/');
    for (const id of adapter.rooms.get(room) ?? []) {
      const socket = sockets.get(id);
      if (socket !== undefined) historyEnded(socket, epoch);
    }
  }

  disconnect(room: string): void {
    this.#io.in(room).disconnectSockets(true);
  }
}

/**
 * Follows rooms into which handlers put sockets by Socket.IO's own means. Such sockets have no position in the room's history, and get
 * messages that are not kept.
 */
export function followRoomsOfHandlers(io: Server, bus: Bus): void {
  const { adapter } = io.of('/');
  adapter.on('create-room', (room: string) => {
    if (nameOfClients(room) !== undefined) void bus.follow(room, () => {});
  });
  adapter.on('delete-room', (room: string) => {
    if (nameOfClients(room) !== undefined) bus.unfollow(room);
  });
}
