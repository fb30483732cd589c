import { removalsPerCall } from '../bounds.ts';
import type { RoomLeft, Swept } from '../presence.ts';
import type { Connection } from './connection.ts';
import { definePresenceScripts, type PresenceScripts } from './presence-scripts.ts';

/** Entries of presence in Redis: each connection of an incarnation of a node, and each room that the connection is in. */
export class PresenceEntries {
  readonly scripts: PresenceScripts;
  readonly leaseKey: readonly string[];
  /** The leases, and the clock that they follow. */
  readonly beatKeys: readonly string[];
  readonly #connection: Connection;
  readonly #lastSeenMs: number;

  /** @param lastSeenMs - how long the last connection of a user is remembered, in milliseconds; 0: not at all */
  constructor(connection: Connection, lastSeenMs: number) {
    this.#connection = connection;
    this.#lastSeenMs = lastSeenMs;
    this.scripts = definePresenceScripts(connection);
    this.leaseKey = [connection.key('beats', 'presence')];
    this.beatKeys = [...this.leaseKey, connection.key('clock', 'presence')];
  }

  /** The users of a node's connections, by connection. */
  socketsOf(node: string): string {
    return this.#connection.key('ns', node);
  }

  /** The users of a node's memberships, by connection and room. */
  joinsOf(node: string): string {
    return this.#connection.key('nj', node);
  }

  userKeys(uid: string): string[] {
    return [this.#connection.key('u', uid), this.#connection.key('ul', uid)];
  }

  roomKeys(room: string): string[] {
    return [this.#connection.key('r', room), this.#connection.key('rc', room)];
  }

  async nodes(): Promise<{ live: string[]; gone: string[] }> {
    const [live, gone] = (await this.scripts.leases(this.leaseKey)) as [Buffer[], Buffer[]];
    return { live: live.map(String), gone: gone.map(String) };
  }

  /**
   * Notes the user of a connection, in a hash of its node.
   *
   * @param leave - removes what belongs to another user, if the connection has one
   */
  async note(hash: string, field: string, uid: string, leave: () => Promise<unknown>): Promise<void> {
    if ((await this.scripts.note([hash], field, uid)) === null) return;
    await leave();
    await this.scripts.note([hash], field, uid);
  }

  /** The user of a connection. */
  async userOf(node: string, socket: string): Promise<string | undefined> {
    return ((await this.scripts.noted([this.socketsOf(node)], socket)) as Buffer | null)?.toString();
  }

  /** The user of a connection in a room. */
  async memberOf(node: string, room: string, socket: string): Promise<string | undefined> {
    return ((await this.scripts.noted([this.joinsOf(node)], join(socket, room))) as Buffer | null)?.toString();
  }

  async leave(node: string, socket: string): Promise<{ uid: string; last: boolean } | undefined> {
    const uid = await this.userOf(node, socket);
    if (uid === undefined) return undefined;
    const left = await this.scripts.removeUser(this.userKeys(uid), join(node, socket), this.#lastSeenMs);
    await this.scripts.unnote([this.socketsOf(node)], socket);
    // A sweeper was faster.
    return left === -1 ? undefined : { uid, last: left === 1 };
  }

  async leaveRoom(
    node: string,
    room: string,
    socket: string,
  ): Promise<{ uid: string; last: boolean; emptied: boolean } | undefined> {
    const uid = await this.memberOf(node, room, socket);
    if (uid === undefined) return undefined;
    const left = await this.scripts.removeMember(this.roomKeys(room), join(node, socket));
    await this.scripts.unnote([this.joinsOf(node)], join(socket, room));
    return left === -1 ? undefined : { uid, last: left !== 0, emptied: left === 2 };
  }

  /** How many connections each user has in a room on these nodes. */
  async devicesOf(room: string, live: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    const devices = new Map<string, number>();
    const members = (await this.scripts.members(this.roomKeys(room).slice(0, 1))) as Buffer[];
    for (const [field, uid] of pairs(members)) {
      if (live.has(split(field)[0])) devices.set(uid, (devices.get(uid) ?? 0) + 1);
    }
    return devices;
  }

  /** Removes the entries of an incarnation whose lease expired. */
  async sweepNode(node: string): Promise<Swept> {
    const users: { uid: string }[] = [];
    const rooms: RoomLeft[] = [];
    for await (const fields of this.#fieldsOf(this.joinsOf(node)))
      rooms.push(...(await this.#leaveRooms(node, fields)));
    for await (const sockets of this.#fieldsOf(this.socketsOf(node))) {
      const left = await Promise.all(sockets.map((socket) => this.leave(node, socket)));
      users.push(...left.flatMap((each) => (each?.last ? [{ uid: each.uid }] : [])));
    }
    await this.scripts.endLease(this.leaseKey, node);
    return { users, rooms };
  }

  /** @param fields - of the node's joins. @returns who has left with their last connection */
  async #leaveRooms(node: string, fields: readonly string[]): Promise<RoomLeft[]> {
    const left = await Promise.all(
      fields.map(async (field) => {
        const [socket, room] = split(field);
        const each = await this.leaveRoom(node, room, socket);
        return each?.last ? [{ room, uid: each.uid, emptied: each.emptied }] : [];
      }),
    );
    return left.flat();
  }

  /** The fields of a hash, a part at a time, until all of them are removed. */
  async *#fieldsOf(key: string): AsyncGenerator<string[]> {
    for (;;) {
      const fields = ((await this.scripts.some([key], removalsPerCall)) as Buffer[]).map(String);
      if (fields.length === 0) return;
      yield fields;
    }
  }
}

/** Joins two names by a NUL, which no name contains. */
export function join(first: string, second: string): string {
  return `${first}\0${second}`;
}

export function split(joined: string): [string, string] {
  const at = joined.indexOf('\0');
  return [joined.slice(0, at), joined.slice(at + 1)];
}

/** The fields of a hash with their values, from the flat list of HGETALL. */
export function pairs(flat: readonly Buffer[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [String(flat[2 * index]), String(flat[2 * index + 1])]);
}
