import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import { sweptKey } from './open-file.ts';
import { afterAll } from './values.ts';

/** What goes. */
interface Due {
  /** The time of the store. */
  readonly now: number;
  /** What came before this time goes as well, as the store is nearly full; 0: nothing. */
  readonly evictBefore: number;
}

/** How what has expired is found again when nobody asks for it. */
export interface Sweep {
  /** First part of the keys to go through. */
  readonly kind: string;
  /** Whether there is something to remove. */
  isDue(database: Database, key: readonly unknown[], value: Buffer, due: Due): boolean;
  /** Removes it, or a bounded part of it. */
  clean(database: Database, key: readonly unknown[], value: Buffer, due: Due): void;
  /** When the oldest of it came; absent: it is never evicted. */
  ageOf?(database: Database, key: readonly unknown[], value: Buffer): number | undefined;
}

/** How long one look or one transaction may take, in milliseconds: the event loop, and the other processes, wait for it. */
const stepMs = 4;

/** How many keys one look goes through at most. */
const keysPerLook = 1_000;

/** The share of the time that is spent: while nothing is found, and while much is or has to go. */
const duty = { idle: 0.05, busy: 0.5 };

/** Between two rounds while the store is nearly full, in milliseconds. */
const pressedMs = 500;

/** Which part of the time between the oldest message and now is evicted in one round. */
const evictedPart = 8;

/** Least time whose messages are evicted in one round, in milliseconds. */
const leastEvictedMs = 1_000;

/**
 * Removes what has expired, and the oldest messages while the store is nearly full: in rounds, each of which goes on until all is done, in short
 * steps with pauses.
 *
 * @param everyMs - between two rounds, in milliseconds; of several processes one does each
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

  /** @returns the time of the oldest message, where that was asked for */
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
    const found = await environment.read((db) => findDue(db, sweep, from, due, seeksOldest));
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
  /** Begins a round, unless a process has begun one so short a time ago. */
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

  /** Waits for the next round, which begins early where the store is nearly full. */
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
        // Half of it: another process is a little early or late.
        if (!(await claim(isPressed() ? Math.min(everyMs, pressedMs) / 2 : everyMs / 2))) continue;
        const oldest = await round(isPressed());
        await lookAtSpace();
        const now = environment.now();
        const isOver = !isPressed() || oldest === Number.POSITIVE_INFINITY;
        evictBefore = isOver ? 0 : oldest + Math.max((now - oldest) / evictedPart, leastEvictedMs);
      } catch {
        // The state of the store says so, and the next round tries again.
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

/** Where a round goes on: at a key, or after it. */
interface Place {
  readonly key: KeyParts;
  readonly isDone: boolean;
}

/** What one step has done. */
interface Step {
  readonly oldest: number;
  /** `undefined`: there is nothing more. */
  readonly next: Place | undefined;
  readonly pauseMs: number;
}

/** What one look has found. */
interface Found {
  readonly due: readonly KeyParts[];
  /** `undefined`: there are no more keys. */
  readonly next: Place | undefined;
  readonly oldest: number;
}

function findDue(db: Database, sweep: Sweep, from: Place, due: Due, seeksOldest: boolean): Found {
  const until = performance.now() + stepMs;
  const found: KeyParts[] = [];
  let oldest = Number.POSITIVE_INFINITY;
  let last: KeyParts | undefined;
  const start = from.key as string[];
  const range = { start, exclusiveStart: from.isDone, end: [sweep.kind, afterAll], limit: keysPerLook };
  // Keys first: another look at the database may use the memory of a value again.
  const keys = [...db.getKeys(range)] as unknown as KeyParts[];
  for (const key of keys) {
    last = key;
    const value = db.get(key as string[]);
    if (value === undefined) continue;
    const copy = Buffer.from(value);
    if (isDue(db, sweep, key, copy, due)) found.push(key);
    else if (seeksOldest) oldest = Math.min(oldest, sweep.ageOf?.(db, key, copy) ?? oldest);
    if (performance.now() > until) break;
  }
  const isAll = last === undefined || (last === keys.at(-1) && keys.length < keysPerLook);
  return { due: found, oldest, next: isAll ? undefined : { key: last as KeyParts, isDone: true } };
}

/** One that cannot be read is due as well: it must not keep what comes after it from being removed. */
function isDue(db: Database, sweep: Sweep, key: KeyParts, value: Buffer, due: Due): boolean {
  try {
    return sweep.isDue(db, key, value, due);
  } catch {
    return true;
  }
}

/** Removes until the time is over. @returns the key where there is more to remove */
function clean(db: Database, sweep: Sweep, keys: readonly KeyParts[], due: Due): KeyParts | undefined {
  const until = performance.now() + stepMs;
  for (const key of keys) {
    for (;;) {
      if (performance.now() > until) return key;
      const value = db.get(key as string[]);
      if (value === undefined) break;
      const copy = Buffer.from(value);
      if (!isDue(db, sweep, key, copy, due)) break;
      try {
        sweep.clean(db, key, copy, due);
      } catch {
        db.remove(key as string[]);
      }
      // Where nothing could be removed, trying again would never end.
      if (db.get(key as string[])?.equals(copy)) break;
    }
  }
  return undefined;
}
