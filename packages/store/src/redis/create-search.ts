import { checkIntegers, checkNames } from '../bounds.ts';
import type { FoundNames, PresenceStore } from '../presence.ts';
import { join, type PresenceEntries, pairs, split } from './presence-entries.ts';

/** How many entries a step looks at, about a millisecond of Redis, and most steps of a search. */
const step = { entries: 1_000, most: 300 };

/** A hash to be searched, and what for. */
interface Search {
  readonly hash: string;
  /** `user`: values; `room`: what comes after the NUL of a field; `joined`: the same of the fields that begin so. */
  readonly what: 'user' | 'room' | 'joined';
  readonly prefix: string;
}

/** The part of presence that finds users and rooms. */
export function createSearch(entries: PresenceEntries): Pick<PresenceStore, 'find' | 'roomsOf'> {
  return {
    async find(kind, prefix, limit) {
      checkIntegers(1, { limit });
      if (prefix !== '') checkNames(prefix);
      return findNames(entries, kind, prefix, limit);
    },
    async roomsOf(uid, limit) {
      checkNames(uid);
      checkIntegers(1, { limit });
      return findRoomsOf(entries, uid, limit);
    },
  };
}

/** Finds names of users or rooms at live nodes. */
async function findNames(
  entries: PresenceEntries,
  kind: 'user' | 'room',
  prefix: string,
  limit: number,
): Promise<FoundNames> {
  const { live } = await entries.nodes();
  const searches = live.map((node) => ({
    hash: kind === 'user' ? entries.socketsOf(node) : entries.joinsOf(node),
    what: kind,
    prefix,
  }));
  return searchAll(entries, searches, limit);
}

/** Finds the rooms of a user. */
async function findRoomsOf(entries: PresenceEntries, uid: string, limit: number): Promise<FoundNames> {
  const [{ live }, reply] = await Promise.all([entries.nodes(), entries.scripts.readUser(entries.userKeys(uid))]);
  const sockets = pairs((reply as [Buffer[]])[0]).map(([field]) => split(field));
  const searches = sockets
    .filter(([node]) => live.includes(node))
    .map(([node, socket]) => ({ hash: entries.joinsOf(node), what: 'joined' as const, prefix: join(socket, '') }));
  return searchAll(entries, searches, limit);
}

async function searchAll(
  { scripts }: PresenceEntries,
  searches: readonly Search[],
  limit: number,
): Promise<FoundNames> {
  const names = new Set<string>();
  let steps = 0;
  for (const { hash, what, prefix } of searches) {
    let cursor = '0';
    do {
      if (steps++ === step.most || names.size > limit) return cut(names, limit, false);
      const found = (await scripts.search([hash], cursor, step.entries, what, prefix)) as Buffer[];
      cursor = String(found[0]);
      for (const name of found.slice(1)) names.add(String(name));
    } while (cursor !== '0');
  }
  return cut(names, limit, true);
}

function cut(names: ReadonlySet<string>, limit: number, isComplete: boolean): FoundNames {
  return { names: [...names].sort().slice(0, limit), isWhole: isComplete && names.size <= limit };
}
