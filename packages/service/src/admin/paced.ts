import { setTimeout as delay } from 'node:timers/promises';

/** Share of the time that making something may take. */
const share = 1 / 10;

/** Longest pause, in milliseconds. */
const longestMs = 100;

/**
 * Makes something for all who ask, each time anew, but not so often that it takes more than a tenth of the time: who asks in a pause waits for the
 * next one, as all others do.
 */
export function paced<Made>(make: () => Promise<Made>): () => Promise<Made> {
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
