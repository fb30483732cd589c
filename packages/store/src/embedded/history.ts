import { checkIntegers, checkNames, pageBytes, rememberedIds, removalsPerCall } from '../bounds.ts';
import type { Appended, HistoryLimits, HistoryStore, KeptMessage } from '../history.ts';
import { newEpoch } from '../new-epoch.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import type { Sweep } from './sweep.ts';
import { afterAll, packJson, packTimed, timeOf, unpackNumbers, unpackTimed } from './values.ts';

/** State of a room's log. */
interface Log {
  readonly epoch: string;
  readonly ageMs: number;
  /** When the newest message came. */
  at: number;
  first: number;
  last: number;
  bytes: number;
  /** Number of remembered idempotency keys. */
  keys: number;
}

/**
 * Keys: `log room` → {@link Log}; `message room offset` → time and payload; `key room key` → its offset, as a time's payload; and
 * `keys room offset` → time and key, which is the order in which keys are forgotten.
 */
export function createHistory(environment: Environment): HistoryStore & { readonly sweep: Sweep } {
  return {
    async append(room, payload, limits, idempotencyKey) {
      checkNames(room);
      checkIntegers(1, { count: limits.count, ageMs: limits.ageMs, bytes: limits.bytes });
      if (idempotencyKey !== undefined) checkNames(idempotencyKey);
      return environment.write(
        (db) => appendTo(db, environment.now(), room, { payload, limits, idempotencyKey }),
        'message',
      );
    },

    async read(room, after, limit) {
      checkNames(room);
      checkIntegers(0, { after, limit });
      return environment.read((db) => {
        const now = environment.now();
        const log = liveLog(db, room, now);
        if (log === undefined) return { epoch: undefined, first: 1, last: 0, messages: [] };
        let first = log.last + 1;
        for (const { key, value } of messages(db, room, log.first)) {
          if (timeOf(value) <= now - log.ageMs) continue;
          first = offsetOf(key);
          break;
        }
        const found = limit === 0 ? [] : page(messages(db, room, Math.max(first, after + 1), limit), environment);
        return { epoch: log.epoch, first, last: log.last, messages: found };
      });
    },

    async removed(room) {
      checkNames(room);
      await environment.write((db) => removeRoom(db, room));
    },

    sweep,
  };
}

/** A message to append. */
interface NewMessage {
  readonly payload: Buffer;
  readonly limits: HistoryLimits;
  readonly idempotencyKey: string | undefined;
}

function appendTo(db: Database, now: number, room: string, { payload, limits, idempotencyKey }: NewMessage): Appended {
  const log = liveLog(db, room, now) ?? beginLog(db, room, now);
  if (idempotencyKey !== undefined) {
    const before = db.get(['key', room, idempotencyKey]);
    if (before !== undefined && timeOf(before) > now - limits.ageMs) {
      return { epoch: log.epoch, offset: Number(unpackTimed(before).payload), duplicate: true };
    }
  }
  const offset = ++log.last;
  // A clock that was set back must not make the newest message older than the ones before it.
  log.at = Math.max(log.at, now);
  log.bytes += payload.length;
  db.put(['message', room, offset], packTimed(log.at, payload));
  if (idempotencyKey !== undefined) {
    db.put(['key', room, idempotencyKey], packTimed(log.at, Buffer.from(String(offset))));
    db.put(['keys', room, offset], packTimed(log.at, Buffer.from(idempotencyKey)));
    log.keys++;
  }
  const { count, ageMs, bytes } = limits;
  trim(db, room, log, (at) => {
    const kept = log.last - log.first + 1;
    return kept > 1 && (kept > count || log.bytes > bytes || at <= now - ageMs);
  });
  forgetKeys(db, room, log, now - ageMs);
  db.put(['log', room], packJson({ ...log, ageMs }));
  return { epoch: log.epoch, offset, duplicate: false };
}

/** Starts a new log for a room, and removes the remains of an earlier one. */
function beginLog(db: Database, room: string, now: number): Log {
  removeRoom(db, room);
  return { epoch: newEpoch(), ageMs: 0, at: now, first: 1, last: 0, bytes: 0, keys: 0 };
}

/** Removes what has expired. */
const sweep: Sweep = {
  kind: 'log',
  isDue(db, [, name], value, { now, evictBefore }) {
    const room = name as string;
    const log = logIn(value);
    if (log === undefined) return true;
    const since = now - log.ageMs;
    if (log.at <= since) return true;
    const [oldest] = messages(db, room, log.first, 1);
    if (oldest !== undefined && timeOf(oldest.value) <= Math.max(since, evictBefore)) return true;
    const [key] = keysByAge(db, room, 1);
    return key !== undefined && timeOf(key.value) <= since;
  },
  clean(db, [, name], value, { now, evictBefore }) {
    const room = name as string;
    const log = logIn(value);
    if (log === undefined) return removeRoom(db, room);
    const since = log.at <= now - log.ageMs ? now : now - log.ageMs;
    trim(db, room, log, (at) => at <= Math.max(since, evictBefore));
    forgetKeys(db, room, log, since);
    // The next call removes the rest of an expired room: a large one must not block the store for long.
    const isEmpty = log.first > log.last && [...keysByAge(db, room, 1)].length === 0;
    if (since === now && isEmpty) removeRoom(db, room);
    else db.put(['log', room], packJson(log));
  },
  ageOf(db, [, name], value) {
    const [oldest] = messages(db, name as string, logIn(value)?.first ?? 0, 1);
    return oldest === undefined ? undefined : timeOf(oldest.value);
  },
};

const numbers = ['ageMs', 'at', 'first', 'last', 'bytes', 'keys'] as const satisfies readonly (keyof Log)[];

/** The log of a value; `undefined` for one that is none, as if nothing was stored. */
function logIn(value: Buffer | undefined): Log | undefined {
  const log = unpackNumbers<Log>(value, numbers);
  return typeof log?.epoch === 'string' ? log : undefined;
}

function liveLog(db: Database, room: string, now: number): Log | undefined {
  const log = logIn(db.get(['log', room]));
  return log === undefined || log.at <= now - log.ageMs ? undefined : log;
}

function messages(db: Database, room: string, from: number, limit?: number) {
  const range = { start: ['message', room, from], end: ['message', room, Number.MAX_SAFE_INTEGER] };
  return db.getRange(limit === undefined ? range : { ...range, limit });
}

function offsetOf(key: unknown): number {
  return (key as readonly [string, string, number])[2];
}

/** Removes the oldest messages while `goes` returns `true`, at most {@link removalsPerCall} of them. */
function trim(db: Database, room: string, log: Log, goes: (at: number) => boolean): void {
  for (let removals = 0; removals < removalsPerCall && log.first <= log.last; removals++) {
    const oldest = db.get(['message', room, log.first]);
    if (oldest !== undefined) {
      if (!goes(timeOf(oldest))) return;
      log.bytes -= unpackTimed(oldest).payload.length;
      db.remove(['message', room, log.first]);
    }
    log.first++;
  }
}

/** Takes messages up to {@link pageBytes}. */
function page(entries: ReturnType<typeof messages>, environment: Environment): KeptMessage[] {
  const found: KeptMessage[] = [];
  let bytes = 0;
  for (const { key, value } of entries) {
    bytes += value.length;
    if (found.length > 0 && bytes > pageBytes) break;
    const { at, payload } = unpackTimed(value);
    found.push({ offset: offsetOf(key), at: environment.toWall(at), payload });
  }
  return found;
}

function forgetKeys(db: Database, room: string, log: Log, since: number): void {
  for (const { key, value } of [...keysByAge(db, room, removalsPerCall)]) {
    const { at, payload } = unpackTimed(value);
    if (at > since && log.keys <= rememberedIds) return;
    const name = ['key', room, payload.toString()];
    const current = db.get(name);
    // A key that was used again after it expired belongs to the newer message.
    if (current !== undefined && Number(unpackTimed(current).payload) === offsetOf(key)) db.remove(name);
    db.remove(key);
    log.keys--;
  }
}

function keysByAge(db: Database, room: string, limit: number) {
  return db.getRange({ start: ['keys', room], end: ['keys', room, Number.MAX_SAFE_INTEGER], limit });
}

function removeRoom(db: Database, room: string): void {
  for (const kind of ['message', 'keys', 'key']) {
    for (const key of [...db.getKeys({ start: [kind, room], end: [kind, room, afterAll] })]) db.remove(key);
  }
  db.remove(['log', room]);
}
