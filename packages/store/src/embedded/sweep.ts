import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import { sweptKey } from './open-file.ts';
import { afterAll } from './values.ts';

/** Which entries to remove. */
interface Due {
  /** The time of the store. */
  readonly now: number;
  /** Entries before this time are removed as well, since the store is nearly full; 0: none. */
  readonly evictBefore: number;
}

/** How expired entries of one kind are found and removed. */
export interface Sweep {
  /** First part of the keys. */
  readonly kind: string;
  /** Whether something of an entry is to be removed. */
  isDue(database: Database, key: readonly unknown[], value: Buffer, due: Due): boolean;
  /** Removes that, or a bounded part of it. */
  clean(database: Database, key: readonly unknown[], value: Buffer, due: Due): void;
  /** When the oldest part of an entry came; absent: it is never evicted. */
  ageOf?(database: Database, key: readonly unknown[], value: Buffer): number | undefined;
}

/** Longest read or transaction, in milliseconds: the event loop and the other processes wait for it. */
const stepMs = 4;

/** Most keys that one read goes through. */
const keysPerLook = 1_000;

/** Share of the time that sweeping may use: while little is found, and while much has to be removed. */
const duty = { idle: 0.05, busy: 0.5 };

/** Time between two rounds while the store is nearly full, in milliseconds. */
const pressedMs = 500;

/** Share of the time between the oldest message and now that one round evicts. */
const evictedPart = 8;

/** Shortest time span whose messages one round evicts, in milliseconds. */
const leastEvictedMs = 1_000;

/**
 * Removes expired entries, and the oldest messages while the store is nearly full. It works in rounds; each round runs in short steps with pauses
 * until all is removed.
 *
 * @param everyMs - time between two rounds, in milliseconds; one of several processes does each
 * @returns stops it
 */
export function startSweeping(environment: Environment, sweeps: readonly Sweep[], everyMs: number): () => void {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = (): void => {};
  let evictBefore = 0;

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      timer = setTimeout(resolve, ms).unref();
    });
  }

  /** @returns the time of the oldest message, if asked for */
  async function round(seeksOldest: boolean): Promise<number> {
    let oldest = Number.POSITIVE_INFINITY;
    for (const sweep of sweeps) {
      let from: Place | undefined = { key: [sweep.kind], isDone: false };
      while (from !== undefined && !isStopped) {
        const step: Step = await takeStep(sweep, from, seeksOldest);
        oldest = Math.min(oldest, step.oldest);
        from = step.next;
        if (from !== undefined) await pause(step.pauseMs);
        if (performance.now() - claimedAt > everyMs / 4) await claim(0);
      }
    }
    return oldest;
  }

  async function takeStep(sweep: Sweep, from: Place, seeksOldest: boolean): Promise<Step> {
    const startedAt = performance.now();
    const due = { now: environment.now(), evictBefore };
    const found = await environment.read((db) => findDue(db, sweep, { from, due, seeksOldest }));
    const isBusy = found.due.length > 0;
    const left = isBusy ? await environment.write((db) => clean(db, sweep, found.due, due)) : undefined;
    const spentMs = performance.now() - startedAt;
    return {
      oldest: found.oldest,
      next: left === undefined ? found.next : { key: left, isDone: false },
      pauseMs: Math.max(1, spentMs / (isBusy || seeksOldest ? duty.busy : duty.idle) - spentMs),
    };
  }

  let claimedAt = 0;
  /** Begins a round, unless a process has just begun one. */
  function claim(agoMs: number): Promise<boolean> {
    claimedAt = performance.now();
    return environment.write((db) => {
      const now = environment.now();
      const last = Number(db.get(sweptKey)?.toString() ?? 0);
      if (now - last < agoMs) return false;
      db.put(sweptKey, Buffer.from(String(now)));
      return true;
    });
  }

  /** Waits for the next round, which begins early if the store is nearly full. */
  async function rest(): Promise<void> {
    for (let left = everyMs; left > 0 && !isStopped; left -= pressedMs) {
      await pause(Math.min(left, pressedMs));
      if (isPressed()) return;
    }
  }

  const { isPressed, look: lookAtSpace } = environment.space;
  async function run(): Promise<void> {
    while (!isStopped) {
      await rest();
      if (isStopped) return;
      try {
        environment.freeReaders();
        // Half of it, since processes are not exactly in step.
        if (!(await claim(isPressed() ? Math.min(everyMs, pressedMs) / 2 : everyMs / 2))) continue;
        const oldest = await round(isPressed());
        await lookAtSpace();
        const now = environment.now();
        const isOver = !isPressed() || oldest === Number.POSITIVE_INFINITY;
        evictBefore = isOver ? 0 : oldest + Math.max((now - oldest) / evictedPart, leastEvictedMs);
      } catch {
        // The state of the store shows it, and the next round tries again.
      }
    }
  }
  void run();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    wake();
  };
}

type KeyParts = readonly unknown[];

/** Where a round continues: at a key, or after it. */
interface Place {
  readonly key: KeyParts;
  readonly isDone: boolean;
}

/** Result of one step. */
interface Step {
  readonly oldest: number;
  /** `undefined`: there is nothing more. */
  readonly next: Place | undefined;
  readonly pauseMs: number;
}

/** Context of the entries that are looked at in one step: the same object for all of them. */
interface SweepContext {
  readonly db: Database;
  readonly sweep: Sweep;
  readonly due: Due;
}

/** What one read looks for. */
interface Look {
  readonly from: Place;
  readonly due: Due;
  /** Whether the age of the oldest entry that stays is wanted. */
  readonly seeksOldest: boolean;
}

/** Result of one read. */
interface Found {
  readonly due: readonly KeyParts[];
  /** `undefined`: there are no more keys. */
  readonly next: Place | undefined;
  readonly oldest: number;
}

function findDue(db: Database, sweep: Sweep, { from, due, seeksOldest }: Look): Found {
  const context = { db, sweep, due };
  const until = performance.now() + stepMs;
  const found: KeyParts[] = [];
  let oldest = Number.POSITIVE_INFINITY;
  let last: KeyParts | undefined;
  const start = from.key as string[];
  const range = { start, exclusiveStart: from.isDone, end: [sweep.kind, afterAll], limit: keysPerLook };
  // Keys first: another read of the database may reuse the memory of a value.
  const keys = [...db.getKeys(range)] as unknown as KeyParts[];
  for (const key of keys) {
    last = key;
    const value = db.get(key as string[]);
    if (value === undefined) continue;
    const copy = Buffer.from(value);
    if (isDue(context, key, copy)) found.push(key);
    else if (seeksOldest) oldest = Math.min(oldest, sweep.ageOf?.(db, key, copy) ?? oldest);
    if (performance.now() > until) break;
  }
  const isAll = last === undefined || (last === keys.at(-1) && keys.length < keysPerLook);
  return { due: found, oldest, next: isAll ? undefined : { key: last as KeyParts, isDone: true } };
}

/** An entry that cannot be read is due as well: it must not block the entries after it. */
function isDue({ db, sweep, due }: SweepContext, key: KeyParts, value: Buffer): boolean {
  try {
    return sweep.isDue(db, key, value, due);
  } catch {
    return true;
  }
}

/** Removes until its time is over. @returns the key where more is to be removed */
function clean(db: Database, sweep: Sweep, keys: readonly KeyParts[], due: Due): KeyParts | undefined {
  const context = { db, sweep, due };
  const until = performance.now() + stepMs;
  for (const key of keys) {
    for (;;) {
      if (performance.now() > until) return key;
      const value = db.get(key as string[]);
      if (value === undefined) break;
      const copy = Buffer.from(value);
      if (!isDue(context, key, copy)) break;
      try {
        sweep.clean(db, key, copy, due);
      } catch {
        db.remove(key as string[]);
      }
      // If nothing could be removed, trying again would never end.
      if (db.get(key as string[])?.equals(copy)) break;
    }
  }
  return undefined;
}
