import type { Socket } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { SmallSet } from './small-set.ts';

const slimmed = new WeakSet<Adapter>();

/**
 * Has an adapter keep the rooms of a socket, and the sockets of a room, in small sets from now on: each client is in a room of its own, and most
 * users have one client. An adapter with its own way of adding sockets stays as it is.
 */
export function keepSmallRooms(adapter: Adapter): void {
  if (slimmed.has(adapter)) return;
  slimmed.add(adapter);
  const { addAll, socketRooms } = Adapter.prototype;
  if (adapter.addAll === addAll) adapter.addAll = addAllSmall;
  if (adapter.socketRooms === socketRooms) adapter.socketRooms = realRoomsOf;
}

/** What Socket.IO's own adapter does, with other sets. */
function addAllSmall(this: Adapter, id: string, rooms: Set<string>): void {
  const own = this.sids.get(id) ?? added(this.sids, id);
  for (const room of rooms) {
    own.add(room);
    let members = this.rooms.get(room);
    if (members === undefined) {
      members = added(this.rooms, room);
      this.emit('create-room', room);
    }
    if (members.has(id)) continue;
    members.add(id);
    this.emit('join-room', room, id);
  }
}

const none: ReadonlySet<string> = new Set();

/** The rooms of a socket as they are kept; `socket.rooms` makes a larger set of them, which stays. */
export function roomsOf({ id, nsp }: Socket): ReadonlySet<string> {
  return nsp.adapter.sids.get(id) ?? none;
}

/** A program that asks for the rooms of a socket gets a `Set` of JavaScript, which is kept from then on. */
function realRoomsOf(this: Adapter, id: string): Set<string> | undefined {
  const rooms = this.sids.get(id);
  if (!(rooms instanceof SmallSet)) return rooms;
  const real = new Set(rooms);
  this.sids.set(id, real);
  return real;
}

function added(sets: Map<string, Set<string>>, key: string): Set<string> {
  const set = new SmallSet<string>();
  sets.set(key, set);
  return set;
}
