import { setTimeout as delay } from 'node:timers/promises';
import { isSettled, type Owners } from './owners.ts';

/** How to wait, in milliseconds. */
export interface Patience {
  /** Between two looks. */
  readonly lookMs: number;
  /** Longest wait. */
  readonly longestMs: number;
}

/** Longest wait until every connection that was handed over has two owners again, in milliseconds. */
export const settleMs = 30_000;

/**
 * Waits until the end of one more process would not be noticed: each connection that was handed over has two owners, and no client waits
 * for a push-server.
 *
 * @param read - reads how it is now; `undefined`: not all processes answer
 * @returns `undefined` if it is so; else how it is when the time is over
 */
export async function awaitOwners(
  read: () => Promise<Owners | undefined>,
  { lookMs, longestMs }: Patience,
): Promise<Owners | undefined> {
  const until = performance.now() + longestMs;
  let last: Owners = { one: 0, two: 0, waiting: 0 };
  for (;;) {
    const owners = await read();
    if (owners !== undefined && isSettled(owners)) return undefined;
    last = owners ?? last;
    if (performance.now() > until) return last;
    await delay(lookMs);
  }
}
