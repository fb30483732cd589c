import { checkIntegers, checkNames } from '../bounds.ts';
import {
  type KeptSummary,
  keepCommandMs,
  keepSummaryMs,
  maxCommandBytes,
  maxSummaryBytes,
  mostSummaries,
  type SummaryStore,
  silentSummaryMs,
} from '../summaries.ts';
import type { Database } from './database.ts';
import type { Environment } from './environment.ts';
import { afterAll, packTimed, timeOf, unpackTimed } from './values.ts';

/** After how many writes of this process old summaries are removed: looking for them reads all. */
const writesPerRemoval = 20;

/** Keys: `summary id` and `command id` → when it was written, and its bytes. */
export function createSummaries(environment: Environment): SummaryStore {
  let writes = 0;
  return {
    async write(id, payload) {
      checkNames(id);
      checkIntegers(0, { 'bytes left of a summary': maxSummaryBytes - payload.length });
      return environment.write((db) => {
        const now = environment.now();
        db.put(['summary', id], packTimed(now, payload));
        if (writes++ % writesPerRemoval === 0) removeOld(db, now);
        const waiting = db.get(['command', id]);
        if (waiting === undefined) return undefined;
        const { at, payload: command } = unpackTimed(waiting);
        db.remove(['command', id]);
        return isCurrent(at, now) && command.length <= maxCommandBytes ? command : undefined;
      });
    },
    async send(id, command) {
      checkNames(id);
      checkIntegers(0, { 'bytes left of a command': maxCommandBytes - command.length });
      return environment.write((db) => {
        const now = environment.now();
        const waiting = db.get(['command', id]);
        if (waiting !== undefined && isCurrent(timeOf(waiting), now)) return false;
        db.put(['command', id], packTimed(now, command));
        return true;
      });
    },
    read: () =>
      environment.read((db) => {
        const now = environment.now();
        const kept: KeptSummary[] = [];
        let damaged = 0;
        for (const { id, value } of entries(db, 'summary')) {
          const { at, payload } = unpackTimed(value);
          const ageMs = Math.max(0, now - at);
          if (payload.length > maxSummaryBytes || !Number.isFinite(ageMs)) damaged++;
          else if (ageMs < keepSummaryMs) kept.push({ id, payload, ageMs });
        }
        kept.sort((a, b) => a.ageMs - b.ageMs);
        return { kept: kept.slice(0, mostSummaries.all), damaged };
      }),
  };
}

/** Removes summaries that are too old, and the oldest ones if there are too many. */
function removeOld(db: Database, now: number): void {
  const ages = [...entries(db, 'summary')].map(({ id, value }) => ({ id, ageMs: now - timeOf(value) }));
  ages.sort((a, b) => a.ageMs - b.ageMs);
  let silent = 0;
  for (const [index, { id, ageMs }] of ages.entries()) {
    if (ageMs > silentSummaryMs) silent++;
    const isTooMany = index >= mostSummaries.all || silent > mostSummaries.silent;
    // A time that is not a number is that of no summary.
    if (isTooMany || !(ageMs < keepSummaryMs)) db.remove(['summary', id]);
  }
  for (const { id, value } of [...entries(db, 'command')]) {
    if (!isCurrent(timeOf(value), now)) db.remove(['command', id]);
  }
}

/** Whether a command still counts. */
function isCurrent(at: number, now: number): boolean {
  return Math.abs(now - at) <= keepCommandMs;
}

function* entries(
  db: Database,
  kind: 'summary' | 'command',
): Iterable<{ readonly id: string; readonly value: Buffer }> {
  // Keys first: another read of the database may reuse the memory of a value.
  for (const key of [...db.getKeys({ start: [kind], end: [kind, afterAll] })] as unknown as string[][]) {
    const value = db.get(key);
    if (value !== undefined) yield { id: String(key[1]), value };
  }
}
