import { setTimeout as delay } from 'node:timers/promises';

/** Share of the time that the function may take. */
const share = 1 / 10;

/** Longest pause, in milliseconds. */
const longestMs = 100;

/**
 * Throttles an expensive function: after each run it pauses for ten times as long as the run took, at most 100 ms.
 * Calls during a pause share the result of the next run, which begins after the pause.
 */
export function throttled<Made>(make: () => Promise<Made>): () => Promise<Made> {
  let next: Promise<Made> | undefined;
  let notBefore = 0;
  async function makeNext(): Promise<Made> {
    const waitMs = notBefore - performance.now();
    // Never at once: `next` is not set yet.
    await (waitMs > 0 ? delay(waitMs) : undefined);
    next = undefined;
    const begunAt = performance.now();
    try {
      return await make();
    } finally {
      const now = performance.now();
      notBefore = now + Math.min((now - begunAt) / share, longestMs);
    }
  }
  return () => {
    next ??= makeNext();
    return next;
  };
}
