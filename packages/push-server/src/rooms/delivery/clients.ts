import type { ClientEvent } from './client-event.ts';

/** The Socket.IO clients, as rooms see them. Clients of a room are served as a group: an event is encoded once for all of them. */
export interface Clients {
  /**
   * Emits to the clients of this node in a room.
   *
   * @param except - ids of sockets, or rooms, that are left out
   * @param volatile - whether slow clients are left out
   */
  emit(room: string, except: readonly string[], event: ClientEvent, volatile?: boolean): void;
  /** Emits to the clients of all nodes: those in a room, or all. Nothing is kept. */
  emitToAll(room: string | undefined, event: string, message: unknown): void;
  /** How many clients of this node are in a room. */
  count(room: string): number;
  /** The history of a room has restarted: positions of this epoch mean nothing any more to the clients of this node in it. */
  historyEnded(room: string, epoch: string): void;
  /** Disconnects the clients of all nodes in a room; the id of a socket is a room as well. They do not reconnect by themselves. */
  disconnect(room: string): void;
}
