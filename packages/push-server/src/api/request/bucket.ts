/** A token bucket: so many a second, and at most those of one second at once. */
export interface Bucket {
  /**
   * Takes one.
   *
   * @returns 0, or in how many seconds it may be tried again
   */
  take(): number;
  /** Takes so many more, even if there are less: the next ones wait for it. */
  charge(count: number): void;
}

/**
 * @param perSecond - 0: no limit
 * @param now - a clock in milliseconds that does not go back
 */
export function createBucket(perSecond: number, now: () => number = () => performance.now()): Bucket {
  let tokens = perSecond;
  let at = now();
  return {
    take() {
      if (perSecond === 0) return 0;
      const time = now();
      tokens = Math.min(perSecond, tokens + ((time - at) / 1_000) * perSecond);
      at = time;
      if (tokens < 1) return Math.max(1, Math.ceil((1 - tokens) / perSecond));
      tokens--;
      return 0;
    },
    charge(count) {
      tokens -= count;
    },
  };
}
