import { checkIntegers, checkNames, removalsPerCall } from '../bounds.ts';
import { createIncarnations, nodeOf } from '../incarnations.ts';
import type { PresenceStore, RoomLeft, RoomUser } from '../presence.ts';
import { StoreError } from '../store-error.ts';
import type { Connection } from './connection.ts';
import { definePresenceScripts } from './presence-scripts.ts';

/** @param lastSeenMs - how long the last connection of a user is remembered, in milliseconds; 0: not at all */
export function createPresence(connection: Connection, lastSeenMs: number): PresenceStore {
  const scripts = definePresenceScripts(connection);
  const lives = createIncarnations();
  const leaseKey = [connection.key('beats', 'presence')];
  const socketsOf = (node: string): string => connection.key('ns', node);
  const joinsOf = (node: string): string => connection.key('nj', node);
  const userKeys = (uid: string): string[] => [connection.key('u', uid), connection.key('ul', uid)];
  const roomKeys = (room: string): string[] => [connection.key('r', room), connection.key('rc', room)];

  async function nodes(): Promise<{ live: string[]; gone: string[] }> {
    const [live, gone] = (await scripts.leases(leaseKey)) as [Buffer[], Buffer[]];
    return { live: live.map(String), gone: gone.map(String) };
  }

  /** Whom a connection counts for. */
  async function userOf(node: string, socket: string): Promise<string | undefined> {
    return ((await scripts.noted([socketsOf(node)], socket)) as Buffer | null)?.toString();
  }

  /** Whom a connection counts for in a room. */
  async function memberOf(node: string, room: string, socket: string): Promise<string | undefined> {
    return ((await scripts.noted([joinsOf(node)], join(socket, room))) as Buffer | null)?.toString();
  }

  async function leave(node: string, socket: string) {
    const uid = await userOf(node, socket);
    if (uid === undefined) return undefined;
    const left = await scripts.removeUser(userKeys(uid), join(node, socket), lastSeenMs);
    await scripts.unnote([socketsOf(node)], socket);
    // Another one, a sweeper, was faster.
    return left === -1 ? undefined : { uid, last: left === 1 };
  }

  async function leaveRoom(node: string, room: string, socket: string) {
    const uid = await memberOf(node, room, socket);
    if (uid === undefined) return undefined;
    const left = await scripts.removeMember(roomKeys(room), join(node, socket));
    await scripts.unnote([joinsOf(node)], join(socket, room));
    return left === -1 ? undefined : { uid, last: left !== 0, emptied: left === 2 };
  }

  /** How many connections each user has in a room on these nodes. */
  async function devicesOf(room: string, live: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    const devices = new Map<string, number>();
    for (const [field, uid] of pairs((await scripts.members(roomKeys(room).slice(0, 1))) as Buffer[])) {
      if (live.has(split(field)[0])) devices.set(uid, (devices.get(uid) ?? 0) + 1);
    }
    return devices;
  }

  /** Leaves what fields of a node's joins say. @returns who has left with their last connection */
  async function leaveRooms(node: string, fields: readonly string[]) {
    const left = await Promise.all(
      fields.map(async (field) => {
        const [socket, room] = split(field);
        const each = await leaveRoom(node, room, socket);
        return each?.last ? [{ room, uid: each.uid, emptied: each.emptied }] : [];
      }),
    );
    return left.flat();
  }

  /** Gives what a hash holds, a part at a time, until all of it is removed. */
  async function* fieldsOf(key: string): AsyncGenerator<string[]> {
    for (;;) {
      const fields = ((await scripts.some([key], removalsPerCall)) as Buffer[]).map(String);
      if (fields.length === 0) return;
      yield fields;
    }
  }

  return {
    async beat(node, leaseMs) {
      checkNames(node);
      checkIntegers(1, { leaseMs });
      const next = lives.next(node);
      const life = lives.find(node);
      const until = performance.now() + leaseMs;
      const begun = (await scripts.beat(leaseKey, life ?? '', next, leaseMs)) === 1;
      lives.holds(node, begun || life === undefined ? next : life, until);
      return begun ? 'begun' : 'renewed';
    },

    async enter(node, { uid, socket, since }) {
      checkNames(node, uid, socket);
      checkIntegers(0, { since });
      const life = lives.of(node);
      // One that comes back as the same user has never been gone: nobody may see it leave, even for a moment.
      const before = await userOf(life, socket);
      if (before !== undefined && before !== uid) await leave(life, socket);
      await scripts.note([socketsOf(life)], socket, uid);
      return { first: (await scripts.addUser(userKeys(uid), join(life, socket), since)) === 1 };
    },

    async leave(node, socket) {
      checkNames(node, socket);
      const life = lives.find(node);
      return life === undefined ? undefined : leave(life, socket);
    },

    async joinRoom(node, room, uid, socket) {
      checkNames(node, room, uid, socket);
      const life = lives.of(node);
      const before = await memberOf(life, room, socket);
      if (before !== undefined && before !== uid) await leaveRoom(life, room, socket);
      await scripts.note([joinsOf(life)], join(socket, room), uid);
      const added = await scripts.addMember(roomKeys(room), join(life, socket), uid);
      return { first: added !== 0, occupied: added === 2 };
    },

    async leaveRoom(node, room, socket) {
      checkNames(node, room, socket);
      const life = lives.find(node);
      return life === undefined ? undefined : leaveRoom(life, room, socket);
    },

    async user(uid) {
      checkNames(uid);
      const [{ live }, answer] = await Promise.all([nodes(), scripts.readUser(userKeys(uid))]);
      const [fields, seen] = answer as [Buffer[], Buffer | null];
      const here = pairs(fields).flatMap(([field, since]) => {
        const [node] = split(field);
        return live.includes(node) ? [{ node: nodeOf(node), since: Number(since) }] : [];
      });
      const offline = here.length === 0;
      return {
        devices: here.length,
        since: offline ? undefined : Math.min(...here.map(({ since }) => since)),
        lastSeen: offline && seen !== null ? Number(seen) : undefined,
        nodes: [...new Set(here.map(({ node }) => node))].sort(),
      };
    },

    async room(room, limit, after) {
      checkNames(room);
      checkIntegers(1, { limit });
      const { live, gone } = await nodes();
      // The counts have those of nodes that are gone until they are swept, which takes a moment.
      const devices = gone.length === 0 ? undefined : await devicesOf(room, new Set(live));
      const users: RoomUser[] = [];
      let { cursor, count, last } = readCursor(after);
      for (;;) {
        const wanted = limit - users.length;
        const asked = Math.min(count ?? wanted, maxPage);
        const [next, fields] = (await scripts.page(roomKeys(room).slice(1), cursor, asked)) as [Buffer, Buffer[]];
        const found = pairs(fields)
          .map(([uid, count]) => ({ uid, devices: devices === undefined ? Number(count) : (devices.get(uid) ?? 0) }))
          .filter(({ uid, devices: each }) => each > 0 && (last === undefined || compare(uid, last) > 0))
          .sort((one, other) => compare(one.uid, other.uid));
        users.push(...found.slice(0, wanted));
        // A small hash comes as a whole, however much was asked for.
        if (found.length > wanted) return { users, next: `${cursor} ${asked} ${found[wanted - 1]?.uid}` };
        if (String(next) === '0') return { users, next: undefined };
        cursor = String(next);
        count = last = undefined;
        if (users.length === limit) return { users, next: cursor };
      }
    },

    async counts() {
      const { live } = await nodes();
      const each = (await Promise.all(
        live.map((node) => scripts.count([socketsOf(node), joinsOf(node)])),
      )) as number[][];
      const sum = (index: number): number => each.reduce((all, counts) => all + (counts[index] ?? 0), 0);
      return { nodes: live.length, sockets: sum(0), memberships: sum(1) };
    },

    async sweep() {
      const users: { uid: string }[] = [];
      const rooms: RoomLeft[] = [];
      for (const node of (await nodes()).gone) {
        for await (const fields of fieldsOf(joinsOf(node))) rooms.push(...(await leaveRooms(node, fields)));
        for await (const sockets of fieldsOf(socketsOf(node))) {
          const left = await Promise.all(sockets.map((socket) => leave(node, socket)));
          users.push(...left.flatMap((each) => (each?.last ? [{ uid: each.uid }] : [])));
        }
        await scripts.endLease(leaseKey, node);
      }
      return { users, rooms };
    },
  };
}

/** Most that HSCAN is asked for at a time. */
const maxPage = 1_000;

/**
 * Reads where a page begins: a cursor of Redis' HSCAN, or with `<count> <uid>` what comes after a uid of what HSCAN gives there for that
 * count.
 */
function readCursor(after = '0'): { cursor: string; count: number | undefined; last: string | undefined } {
  const [, cursor, count, last] = /^(\d{1,20})(?: (\d{1,4}) (.+))?$/s.exec(after) ?? [];
  if (cursor === undefined || Number(count ?? 1) < 1) {
    throw new StoreError('bad_argument', 'this is not where a page begins');
  }
  return { cursor, count: count === undefined ? undefined : Number(count), last };
}

function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Two names in one: no name has a NUL. */
function join(first: string, second: string): string {
  return `${first}\0${second}`;
}

function split(joined: string): [string, string] {
  const at = joined.indexOf('\0');
  return [joined.slice(0, at), joined.slice(at + 1)];
}

function pairs(flat: readonly Buffer[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [String(flat[2 * index]), String(flat[2 * index + 1])]);
}
