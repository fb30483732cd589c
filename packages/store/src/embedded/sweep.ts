import type { Database, Environment } from './environment.ts';
import { afterAll } from './values.ts';

/** How what has expired is found again when nobody asks for it. */
export interface Sweep {
  /** First part of the keys to go through. */
  readonly kind: string;
  /** Removes what has expired of one of them. */
  clean(database: Database, key: readonly unknown[], value: Buffer, now: number): void;
}

/** How many keys of each kind one round goes through; the next round goes on there. */
const keysPerRound = 200;

/**
 * Removes what has expired, a bounded part at a time.
 *
 * @param everyMs - between two rounds; of several processes one does each round
 * @returns stops it
 */
export function startSweeping(environment: Environment, sweeps: readonly Sweep[], everyMs: number): () => void {
  let underWay = false;
  const round = async (): Promise<void> => {
    if (underWay) return;
    underWay = true;
    try {
      environment.freeReaders();
      await environment.write((db) => sweepOnce(db, sweeps, Date.now(), everyMs));
    } catch {
      // The state of the store says so, and the next round tries again.
    } finally {
      underWay = false;
    }
  };
  const timer = setInterval(() => void round(), everyMs).unref();
  return () => clearInterval(timer);
}

function sweepOnce(db: Database, sweeps: readonly Sweep[], now: number, everyMs: number): void {
  const last = Number(db.get(['swept'])?.toString() ?? 0);
  // Half of it: another process is a little early or late. A time to come is of a clock that was set back.
  if (last <= now && now - last < everyMs / 2) return;
  db.put(['swept'], Buffer.from(String(now)));
  for (const { kind, clean } of sweeps) {
    const place = ['sweep', kind];
    const from = db.get(place);
    const start = from === undefined ? [kind] : (JSON.parse(from.toString()) as unknown[]);
    const range = { start: start as string[], end: [kind, afterAll], limit: keysPerRound };
    const found = [...db.getRange(range)].map(({ key, value }) => ({
      key: key as unknown[],
      value: Buffer.from(value),
    }));
    for (const { key, value } of found) clean(db, key, value, now);
    const next = found.length < keysPerRound ? undefined : found.at(-1)?.key;
    if (next === undefined) db.remove(place);
    else db.put(place, Buffer.from(JSON.stringify(next)));
  }
}
