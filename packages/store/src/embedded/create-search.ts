import { checkIntegers, checkNames } from '../bounds.ts';
import type { FoundNames, PresenceStore } from '../presence.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import { afterAll } from './values.ts';

/** Most names that one search looks at, and most entries of a name. */
const most = { names: 2_000, entries: 100 };

/** Keys by kind of name: their first elements, and the place of the node in them. */
const keys = { user: { start: 'user', node: 2 }, room: { start: 'member', node: 3 } } as const;

/** The part of presence that finds users and rooms. @param liveNodes - whose entries count */
export function createSearch(
  environment: Environment,
  liveNodes: (db: Database) => ReadonlySet<string>,
): Pick<PresenceStore, 'find' | 'roomsOf'> {
  return {
    async find(kind, prefix, limit) {
      checkIntegers(1, { limit });
      if (prefix !== '') checkNames(prefix);
      return environment.read((db) => findNames(db, liveNodes(db), kind, { prefix, limit }));
    },
    async roomsOf(uid, limit) {
      checkNames(uid);
      checkIntegers(1, { limit });
      return environment.read((db) => findRoomsOf(db, liveNodes(db), uid, limit));
    },
  };
}

/**
 * Finds names of users or rooms with a connection at a live node, sorted. Keys are sorted, so that each name is one look-up.
 *
 * @param limit - most names
 */
function findNames(
  db: Database,
  live: ReadonlySet<string>,
  kind: 'user' | 'room',
  { prefix, limit }: { readonly prefix: string; readonly limit: number },
): FoundNames {
  const { start: first, node } = keys[kind];
  const names: string[] = [];
  let start: (string | Buffer)[] = prefix === '' ? [first] : [first, prefix];
  for (let looked = 0; looked < most.names; looked++) {
    const [next] = keysFrom(db, start, [first, afterAll], 1);
    const name = next?.[1];
    if (name === undefined || !name.startsWith(prefix)) return { names, isWhole: true };
    if (keysFrom(db, [first, name], [first, name, afterAll], most.entries).some((key) => live.has(key[node] ?? ''))) {
      if (names.length === limit) break;
      names.push(name);
    }
    start = [first, name, afterAll];
  }
  return { names, isWhole: false };
}

/** Finds the rooms of a user, sorted. */
function findRoomsOf(db: Database, live: ReadonlySet<string>, uid: string, limit: number): FoundNames {
  const rooms = new Set<string>();
  const sockets = keysFrom(db, ['user', uid], ['user', uid, afterAll], most.entries + 1);
  for (const [, , node = '', socket = ''] of sockets.slice(0, most.entries)) {
    if (!live.has(node)) continue;
    const joined = keysFrom(db, ['joined', node, socket], ['joined', node, socket, afterAll], limit + 1);
    for (const [, , , room = ''] of joined) rooms.add(room);
  }
  const names = [...rooms].sort();
  return { names: names.slice(0, limit), isWhole: names.length <= limit && sockets.length <= most.entries };
}

function keysFrom(db: Database, start: (string | Buffer)[], end: (string | Buffer)[], limit: number): string[][] {
  return [...db.getKeys({ start, end, limit })] as unknown as string[][];
}
