import { checkIntegers, checkNames, pageBytes, rememberedIds, removalsPerCall } from '../bounds.ts';
import type { InboxBounds, InboxStore, NewMessage, WaitingMessage } from '../inbox.ts';
import { StoreError } from '../store-error.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import type { Sweep } from './sweep.ts';
import { afterAll, packJson, unpackNumbers } from './values.ts';

/** State of an inbox. */
interface Box {
  seq: number;
  count: number;
  bytes: number;
  /** Number of remembered acknowledged ids. */
  acked: number;
}

/** State of a message. Without `seq` it was acknowledged. */
interface Letter {
  readonly expires: number;
  readonly at: number;
  readonly seq?: number;
  readonly bytes: number;
}

/**
 * Keys: `inbox uid` → {@link Box}; `letter uid id` → {@link Letter}; `waiting uid seq` → id; `text uid seq` → payload; and
 * `expiry uid time id` for all letters, which is the order in which they are forgotten.
 */
export function createInbox(environment: Environment): InboxStore & { readonly sweep: Sweep } {
  return {
    async put(uid, { id, payload, ttlMs }, { count, bytes }) {
      checkNames(uid, id);
      checkIntegers(1, { ttlMs, count, bytes });
      const letter = { uid, id, payload, ttlMs, bounds: { count, bytes } };
      return environment.write((db) => putLetter(db, environment.now(), letter), 'message');
    },

    async pending(uid, afterSeq, limit) {
      checkNames(uid);
      checkIntegers(0, { afterSeq, limit });
      if (limit === 0) return [];
      return environment.read((db) => {
        // As most are when a client comes: this takes a third of the time of a look at a range.
        if (db.get(['inbox', uid]) === undefined) return [];
        const now = environment.now();
        const found: WaitingMessage[] = [];
        let bytes = 0;
        const range = { start: ['waiting', uid, afterSeq + 1], end: ['waiting', uid, Number.MAX_SAFE_INTEGER] };
        for (const { key, value } of db.getRange(range)) {
          const id = value.toString();
          const seq = (key as [string, string, number])[2];
          const letter = letterOf(db, uid, id, now);
          const payload = db.get(['text', uid, seq]);
          if (letter === undefined || payload === undefined) continue;
          bytes += payload.length;
          if (found.length > 0 && bytes > pageBytes) break;
          found.push({ seq, id, at: environment.toWall(letter.at), payload: Buffer.from(payload) });
          if (found.length === limit) break;
        }
        return found;
      });
    },

    async ack(uid, ids) {
      checkNames(uid, ...ids);
      return environment.write((db) => {
        const now = environment.now();
        const value = db.get(['inbox', uid]);
        if (value === undefined) return 0;
        // A state that cannot be read must not have messages delivered for ever.
        const box = boxIn(value) ?? emptyBox();
        let acked = 0;
        for (const id of ids) {
          const letter = letterOf(db, uid, id, now);
          if (letter?.seq === undefined) continue;
          const { seq, ...rest } = letter;
          db.remove(['waiting', uid, seq]);
          db.remove(['text', uid, seq]);
          db.put(['letter', uid, id], packJson(rest));
          box.count--;
          box.bytes -= letter.bytes;
          box.acked++;
          acked++;
        }
        forget(db, uid, box, now);
        return acked;
      });
    },

    async status(uid, id) {
      checkNames(uid, id);
      return environment.read((db) => {
        const letter = letterOf(db, uid, id, environment.now());
        if (letter === undefined) return 'unknown';
        return letter.seq === undefined ? 'acked' : 'waiting';
      });
    },

    sweep,
  };
}

const empty = Buffer.alloc(0);

function emptyBox(): Box {
  return { seq: 0, count: 0, bytes: 0, acked: 0 };
}

/** The box of a value; `undefined` for one that is none, as if nothing was stored. */
function boxIn(value: Buffer | undefined): Box | undefined {
  return unpackNumbers<Box>(value, ['seq', 'count', 'bytes', 'acked']);
}

/** The same for a letter. */
function letterIn(value: Buffer | undefined): Letter | undefined {
  const letter = unpackNumbers<Letter>(value, ['expires', 'at', 'bytes']);
  return letter?.seq === undefined || Number.isFinite(letter.seq) ? letter : undefined;
}

/** A message to put into an inbox. */
interface NewLetter extends NewMessage {
  readonly uid: string;
  readonly bounds: InboxBounds;
}

function putLetter(
  db: Database,
  now: number,
  { uid, id, payload, ttlMs, bounds }: NewLetter,
): { readonly state: 'stored' | 'duplicate'; readonly seq: number } {
  const box = boxIn(db.get(['inbox', uid])) ?? emptyBox();
  forget(db, uid, box, now);
  const before = letterOf(db, uid, id, now);
  if (before !== undefined) return { state: 'duplicate', seq: before.seq ?? 0 };
  if (box.count + 1 > bounds.count || box.bytes + payload.length > bounds.bytes) {
    throw new StoreError('inbox_full', `the inbox of ${uid} holds ${box.count} messages of ${box.bytes} bytes`);
  }
  // Based on the time, so that numbers increase even after an empty inbox was removed.
  const seq = Math.max(box.seq + 1, now * 1_000);
  const expires = now + ttlMs;
  // An expired message of this id may not have been removed yet.
  drop(db, uid, id, box);
  db.put(['letter', uid, id], packJson({ expires, at: now, seq, bytes: payload.length } satisfies Letter));
  db.put(['waiting', uid, seq], Buffer.from(id));
  db.put(['text', uid, seq], payload);
  db.put(['expiry', uid, expires, id], empty);
  db.put(['inbox', uid], packJson({ ...box, seq, count: box.count + 1, bytes: box.bytes + payload.length }));
  return { state: 'stored', seq };
}

/** Removes what has expired. */
const sweep: Sweep = {
  kind: 'inbox',
  isDue(db, [, uid], value, { now }) {
    const [first] = db.getKeys({
      start: ['expiry', uid as string],
      end: ['expiry', uid as string, afterAll],
      limit: 1,
    });
    if (first !== undefined) return (first as [string, string, number])[2] <= now;
    const box = boxIn(value);
    if (box === undefined) return true;
    return box.count === 0 && box.acked === 0;
  },
  clean: (db, [, uid], value, { now }) => forget(db, uid as string, boxIn(value) ?? emptyBox(), now),
};

function letterOf(db: Database, uid: string, id: string, now: number): Letter | undefined {
  const letter = letterIn(db.get(['letter', uid, id]));
  return letter === undefined || letter.expires <= now ? undefined : letter;
}

/** Removes expired messages, and the oldest acknowledged ids if there are too many. Removes an empty inbox as a whole. */
function forget(db: Database, uid: string, box: Box, now: number): void {
  const range = { start: ['expiry', uid], end: ['expiry', uid, afterAll] };
  const keys = [...db.getKeys({ ...range, limit: removalsPerCall })] as [string, string, number, string][];
  for (const key of keys) {
    const [, , expires, id] = key;
    const tooMany = box.acked > rememberedIds;
    if (expires > now && !tooMany) break;
    const letter = letterIn(db.get(['letter', uid, id]));
    if (expires > now && letter?.seq !== undefined) continue;
    // When an entry that cannot be read expires is unknown.
    if (letter === undefined) db.remove(key);
    drop(db, uid, id, box);
  }
  const seemsEmpty = box.count <= 0 && box.acked <= 0;
  // The state of an inbox may have been damaged: as long as it has messages, it is found by its state.
  if (seemsEmpty && (keys.length === 0 || [...db.getKeys({ ...range, limit: 1 })].length === 0))
    db.remove(['inbox', uid]);
  else db.put(['inbox', uid], packJson(box));
}

function drop(db: Database, uid: string, id: string, box: Box): void {
  const letter = letterIn(db.get(['letter', uid, id]));
  if (letter === undefined) return;
  if (letter.seq === undefined) box.acked--;
  else {
    db.remove(['waiting', uid, letter.seq]);
    db.remove(['text', uid, letter.seq]);
    box.count--;
    box.bytes -= letter.bytes;
  }
  db.remove(['letter', uid, id]);
  db.remove(['expiry', uid, letter.expires, id]);
}
