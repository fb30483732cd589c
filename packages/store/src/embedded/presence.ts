import { checkIntegers, checkNames, removalsPerCall } from '../bounds.ts';
import { createIncarnations, nodeOf } from '../incarnations.ts';
import type { PresenceCounts, PresenceStore, RoomLeft, RoomPage, UserPresence } from '../presence.ts';
import { createSearch } from './create-search.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import type { Sweep } from './sweep.ts';
import { afterAll } from './values.ts';

/**
 * Keys, where `node` stands for one incarnation of a node: `lease node` → its end; `user uid node socket` → since; `socket node socket` → uid;
 * `member room uid node socket` → nothing; `joined node socket room` → uid; `seen uid` → when last.
 *
 * @param lastSeenMs - how long the last connection of a user is remembered, in milliseconds; 0: not at all
 */
export function createPresence(
  environment: Environment,
  lastSeenMs: number,
): PresenceStore & { readonly sweeps: Sweep } {
  const lives = createIncarnations();
  return {
    async beat(node, leaseMs) {
      checkNames(node);
      checkIntegers(1, { leaseMs });
      const life = lives.find(node);
      const next = lives.next(node);
      const until = performance.now() + leaseMs;
      const begun = await environment.write((db) => {
        const now = environment.now();
        const goesOn = life !== undefined && isLive(db, life, now);
        db.put(['lease', goesOn ? life : next], number(now + leaseMs));
        return !goesOn;
      });
      lives.holds(node, begun || life === undefined ? next : life, until);
      return begun ? 'begun' : 'renewed';
    },

    async enter(node, { uid, socket, since }) {
      checkNames(node, uid, socket);
      checkIntegers(0, { since });
      const life = lives.of(node);
      return environment.write((db) => {
        // A connection that enters again as the same user never left.
        const before = db.get(['socket', life, socket])?.toString();
        if (before !== undefined && before !== uid) leaveNode(db, life, socket, environment.now());
        const first = isEmpty(db, ['user', uid]);
        db.put(['user', uid, life, socket], number(since));
        db.put(['socket', life, socket], Buffer.from(uid));
        return { first };
      });
    },

    async leave(node, socket) {
      checkNames(node, socket);
      const life = lives.find(node);
      return life === undefined ? undefined : environment.write((db) => leaveNode(db, life, socket, environment.now()));
    },

    async joinRoom(node, room, uid, socket) {
      checkNames(node, room, uid, socket);
      const life = lives.of(node);
      return environment.write((db) => {
        if (db.get(['joined', life, socket, room])?.toString() !== uid) leaveRoom(db, life, room, socket);
        const occupied = isEmpty(db, ['member', room]);
        const first = occupied || isEmpty(db, ['member', room, uid]);
        db.put(['member', room, uid, life, socket], nothing);
        db.put(['joined', life, socket, room], Buffer.from(uid));
        return { first, occupied };
      });
    },

    async leaveRoom(node, room, socket) {
      checkNames(node, room, socket);
      const life = lives.find(node);
      return life === undefined ? undefined : environment.write((db) => leaveRoom(db, life, room, socket));
    },

    async user(uid) {
      checkNames(uid);
      return environment.read((db) => {
        const now = environment.now();
        const seen = db.get(['seen', uid]);
        const seenAt = seen === undefined ? 0 : toNumber(seen);
        return userOf(db, uid, now, seenAt > now - lastSeenMs ? environment.toWall(seenAt) : undefined);
      });
    },

    async room(room, limit, after) {
      checkNames(room);
      checkIntegers(1, { limit });
      if (after !== undefined) checkNames(after);
      return environment.read((db) => pageOf(db, environment.now(), { room, limit, after }));
    },

    ...createSearch(environment, (db) => liveNodes(db, environment.now())),

    async counts() {
      return environment.read((db) => countsOf(db, environment.now()));
    },

    async sweep() {
      const swept = { users: [] as { uid: string }[], rooms: [] as RoomLeft[] };
      // A few at a time, so that other processes can write in between.
      while (await environment.write((db) => sweepSome(db, environment.now(), swept))) {}
      return swept;
    },

    sweeps: {
      kind: 'seen',
      isDue: (_, __, value, { now, evictBefore }) => toNumber(value) <= Math.max(now - lastSeenMs, evictBefore),
      clean: (db, key) => void db.remove(key as string[]),
    },
  };
}

const nothing = Buffer.alloc(0);

/** @returns whether there may be more to remove */
function sweepSome(db: Database, now: number, swept: { users: { uid: string }[]; rooms: RoomLeft[] }): boolean {
  const gone = under(db, ['lease']).find(({ value }) => toNumber(value) <= now);
  if (gone === undefined) return false;
  sweepNode(db, (gone.key as [string, string])[1], now, swept);
  return true;
}

function pageOf(
  db: Database,
  now: number,
  { room, limit, after }: { readonly room: string; readonly limit: number; readonly after: string | undefined },
): RoomPage {
  const live = liveNodes(db, now);
  const users: { uid: string; devices: number }[] = [];
  const start = after === undefined ? ['member', room] : ['member', room, after, afterAll];
  for (const key of db.getKeys({ start, end: ['member', room, afterAll] })) {
    const [, , uid, node] = key as [string, string, string, string];
    if (!live.has(node)) continue;
    const last = users.at(-1);
    if (last?.uid === uid) last.devices++;
    else if (users.length === limit) return { users, next: last?.uid };
    else users.push({ uid, devices: 1 });
  }
  return { users, next: undefined };
}

function countsOf(db: Database, now: number): PresenceCounts {
  const live = [...liveNodes(db, now)];
  const sum = (kind: string): number =>
    live.reduce((count, node) => count + db.getKeysCount({ start: [kind, node], end: [kind, node, afterAll] }), 0);
  return { nodes: live.length, sockets: sum('socket'), memberships: sum('joined') };
}

function sweepNode(
  db: Database,
  node: string,
  now: number,
  swept: { users: { uid: string }[]; rooms: RoomLeft[] },
): void {
  const joined = under(db, ['joined', node], removalsPerCall);
  for (const { key } of joined) {
    const [, , socket, room] = key as [string, string, string, string];
    const left = leaveRoom(db, node, room, socket);
    if (left?.last) swept.rooms.push({ room, uid: left.uid, emptied: left.emptied });
  }
  const sockets = under(db, ['socket', node], removalsPerCall);
  for (const { key } of sockets) {
    const left = leaveNode(db, node, (key as [string, string, string])[2], now);
    if (left?.last) swept.users.push({ uid: left.uid });
  }
  if (joined.length < removalsPerCall && sockets.length < removalsPerCall) db.remove(['lease', node]);
}

function leaveNode(db: Database, node: string, socket: string, now: number) {
  const uid = db.get(['socket', node, socket])?.toString();
  if (uid === undefined) return undefined;
  db.remove(['socket', node, socket]);
  db.remove(['user', uid, node, socket]);
  const last = isEmpty(db, ['user', uid]);
  if (last) db.put(['seen', uid], number(now));
  return { uid, last };
}

function leaveRoom(db: Database, node: string, room: string, socket: string) {
  const uid = db.get(['joined', node, socket, room])?.toString();
  if (uid === undefined) return undefined;
  db.remove(['joined', node, socket, room]);
  db.remove(['member', room, uid, node, socket]);
  const last = isEmpty(db, ['member', room, uid]);
  return { uid, last, emptied: last && isEmpty(db, ['member', room]) };
}

function userOf(db: Database, uid: string, now: number, lastSeen: number | undefined): UserPresence {
  const live = liveNodes(db, now);
  const found = under(db, ['user', uid]);
  const here = found.filter(({ key }) => live.has((key as string[])[2] ?? ''));
  const offline = here.length === 0;
  return {
    devices: here.length,
    since: offline ? undefined : Math.min(...here.map(({ value }) => toNumber(value))),
    lastSeen: offline ? lastSeen : undefined,
    nodes: [...new Set(here.map(({ key }) => nodeOf((key as string[])[2] ?? '')))].sort(),
  };
}

function liveNodes(db: Database, now: number): ReadonlySet<string> {
  const live = under(db, ['lease']).filter(({ value }) => toNumber(value) > now);
  return new Set(live.map(({ key }) => (key as [string, string])[1]));
}

function isLive(db: Database, node: string, now: number): boolean {
  const lease = db.get(['lease', node]);
  return lease !== undefined && toNumber(lease) > now;
}

/** The entries whose keys begin with `start`. */
function under(db: Database, start: string[], limit?: number) {
  const range = { start, end: [...start, afterAll] };
  // A copy of each value: the database may reuse its memory for the next one.
  return [...db.getRange(limit === undefined ? range : { ...range, limit })].map(({ key, value }) => ({
    key,
    value: Buffer.from(value),
  }));
}

function isEmpty(db: Database, start: string[]): boolean {
  return [...db.getKeys({ start, end: [...start, afterAll], limit: 1 })].length === 0;
}

function number(value: number): Buffer {
  return Buffer.from(String(value));
}

function toNumber(value: Buffer): number {
  return Number(value.toString());
}
