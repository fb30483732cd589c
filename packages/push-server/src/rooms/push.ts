import type { Server } from 'socket.io';
import { roomOfClients, roomOfUser } from './room-names.ts';

/** Speaks to clients, whichever push-server they are on. */
export interface Push {
  /**
   * Sends an event to everyone in a room.
   *
   * @param exceptSocket - id of a socket that is not to get it: the sender
   */
  toRoom(room: string, event: string, message: unknown, exceptSocket?: string): void;
  /** Sends an event to all devices of a user. */
  toUser(uid: string, event: string, message: unknown): void;
}

/** The one place that emits to rooms. */
export function createPush(io: Server): Push {
  const publish = (room: string, event: string, message: unknown, except?: string): void => {
    const to = io.to(room);
    (except === undefined ? to : to.except(except)).emit(event, message);
  };
  return {
    toRoom: (room, event, message, exceptSocket) => publish(roomOfClients(room), event, message, exceptSocket),
    toUser: (uid, event, message) => publish(roomOfUser(uid), event, message),
  };
}
