import { checkIntegers, checkNames } from '../bounds.ts';
import {
  type KeptSummary,
  keepSummaryMs,
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

/** Keys: `summary id` → when it was written, and its bytes. */
export function createSummaries(environment: Environment): SummaryStore {
  let writes = 0;
  return {
    async write(id, payload) {
      checkNames(id);
      checkIntegers(0, { 'bytes left of a summary': maxSummaryBytes - payload.length });
      await environment.write((db) => {
        const now = environment.now();
        db.put(['summary', id], packTimed(now, payload));
        if (writes++ % writesPerRemoval === 0) removeOld(db, now);
      });
    },
    read: () =>
      environment.read((db) => {
        const now = environment.now();
        const kept: KeptSummary[] = [];
        let damaged = 0;
        for (const { id, value } of entries(db)) {
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

/** Removes what is older than it may be, and the oldest of what is too many. */
function removeOld(db: Database, now: number): void {
  const ages = [...entries(db)].map(({ id, value }) => ({ id, ageMs: now - timeOf(value) }));
  ages.sort((a, b) => a.ageMs - b.ageMs);
  let silent = 0;
  for (const [index, { id, ageMs }] of ages.entries()) {
    if (ageMs > silentSummaryMs) silent++;
    const isTooMany = index >= mostSummaries.all || silent > mostSummaries.silent;
    // A time that is not a number is that of no summary.
    if (isTooMany || !(ageMs < keepSummaryMs)) db.remove(['summary', id]);
  }
}

function* entries(db: Database): Iterable<{ readonly id: string; readonly value: Buffer }> {
  // Keys first: another read of the database may reuse the memory of a value.
  for (const key of [...db.getKeys({ start: ['summary'], end: ['summary', afterAll] })] as unknown as string[][]) {
    const value = db.get(key);
    if (value !== undefined) yield { id: String(key[1]), value };
  }
}
