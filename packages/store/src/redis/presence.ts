import { checkIntegers, checkNames } from '../bounds.ts';
import { createIncarnations, nodeOf } from '../incarnations.ts';
import type { PresenceStore, RoomLeft, RoomPage, RoomUser } from '../presence.ts';
import { StoreError } from '../store-error.ts';
import type { Connection } from './connection.ts';
import { createSearch } from './create-search.ts';
import { join, PresenceEntries, pairs, split } from './presence-entries.ts';

/** @param lastSeenMs - how long the last connection of a user is remembered, in milliseconds; 0: not at all */
export function createPresence(connection: Connection, lastSeenMs: number): PresenceStore {
  const entries = new PresenceEntries(connection, lastSeenMs);
  const lives = createIncarnations();
  return {
    async beat(node, leaseMs) {
      checkNames(node);
      checkIntegers(1, { leaseMs });
      const next = lives.next(node);
      const life = lives.find(node);
      const until = performance.now() + leaseMs;
      const begun = (await entries.scripts.beat(entries.beatKeys, life ?? '', next, leaseMs)) === 1;
      lives.holds(node, begun || life === undefined ? next : life, until);
      return begun ? 'begun' : 'renewed';
    },

    async enter(node, { uid, socket, since }) {
      checkNames(node, uid, socket);
      checkIntegers(0, { since });
      const life = lives.of(node);
      // A connection that enters again as the same user never left: no reader may see it leave, even for a moment.
      await entries.note(entries.socketsOf(life), socket, uid, () => entries.leave(life, socket));
      return { first: (await entries.scripts.addUser(entries.userKeys(uid), join(life, socket), since)) === 1 };
    },

    async leave(node, socket) {
      checkNames(node, socket);
      const life = lives.find(node);
      return life === undefined ? undefined : entries.leave(life, socket);
    },

    async joinRoom(node, room, uid, socket) {
      checkNames(node, room, uid, socket);
      const life = lives.of(node);
      await entries.note(entries.joinsOf(life), join(socket, room), uid, () => entries.leaveRoom(life, room, socket));
      const added = await entries.scripts.addMember(entries.roomKeys(room), join(life, socket), uid);
      return { first: added !== 0, occupied: added === 2 };
    },

    async leaveRoom(node, room, socket) {
      checkNames(node, room, socket);
      const life = lives.find(node);
      return life === undefined ? undefined : entries.leaveRoom(life, room, socket);
    },

    async user(uid) {
      checkNames(uid);
      const [{ live }, reply] = await Promise.all([entries.nodes(), entries.scripts.readUser(entries.userKeys(uid))]);
      const [fields, seen] = reply as [Buffer[], Buffer | null];
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
      return readPage(entries, room, limit, after);
    },

    ...createSearch(entries),

    async counts() {
      const { live } = await entries.nodes();
      const each = (await Promise.all(
        live.map((node) => entries.scripts.count([entries.socketsOf(node), entries.joinsOf(node)])),
      )) as number[][];
      const sum = (index: number): number => each.reduce((all, counts) => all + (counts[index] ?? 0), 0);
      return { nodes: live.length, sockets: sum(0), memberships: sum(1) };
    },

    async sweep() {
      const users: { uid: string }[] = [];
      const rooms: RoomLeft[] = [];
      for (const node of (await entries.nodes()).gone) {
        const swept = await entries.sweepNode(node);
        users.push(...swept.users);
        rooms.push(...swept.rooms);
      }
      return { users, rooms };
    },
  };
}

/** Reads the users of a room from `after` on, sorted by uid within each part that Redis returns. */
async function readPage(
  entries: PresenceEntries,
  room: string,
  limit: number,
  after: string | undefined,
): Promise<RoomPage> {
  const { live, gone } = await entries.nodes();
  // The counts include nodes whose lease expired until they are swept, which takes a moment.
  const devices = gone.length === 0 ? undefined : await entries.devicesOf(room, new Set(live));
  const users: RoomUser[] = [];
  let { cursor, count, last } = readCursor(after);
  for (;;) {
    const wanted = limit - users.length;
    const asked = Math.min(count ?? wanted, maxPage);
    const hash = entries.roomKeys(room).slice(1);
    const [next, fields] = (await entries.scripts.page(hash, cursor, asked)) as [Buffer, Buffer[]];
    const found = pairs(fields)
      .map(([uid, each]) => ({ uid, devices: devices === undefined ? Number(each) : (devices.get(uid) ?? 0) }))
      .filter(({ uid, devices: each }) => each > 0 && (last === undefined || compare(uid, last) > 0))
      .sort((one, other) => compare(one.uid, other.uid));
    users.push(...found.slice(0, wanted));
    // Redis returns a small hash as a whole, whatever count was asked for.
    if (found.length > wanted) return { users, next: `${cursor} ${asked} ${found[wanted - 1]?.uid}` };
    if (String(next) === '0') return { users, next: undefined };
    cursor = String(next);
    count = last = undefined;
    if (users.length === limit) return { users, next: cursor };
  }
}

/** Largest count in one HSCAN. */
const maxPage = 1_000;

/**
 * Reads where a page begins: a cursor of HSCAN; or with `<count> <uid>`, after that uid among the fields that HSCAN returns there for that count.
 */
function readCursor(after = '0'): { cursor: string; count: number | undefined; last: string | undefined } {
  const [, cursor, count, last] = /^(\d{1,20})(?: (\d{1,4}) (.+))?$/s.exec(after) ?? [];
  if (cursor === undefined || Number(count ?? 1) < 1) {
    throw new StoreError('bad_argument', 'this is not the start of a page');
  }
  return { cursor, count: count === undefined ? undefined : Number(count), last };
}

function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
