/** Lets so many through a second. */
export interface TokenBucket {
  /** Takes one; `false` where none is left. */
  take(now: number): boolean;
  /** Whether it has been left alone for so long that it is full. */
  isFull(now: number): boolean;
}

/**
 * A token bucket (RFC 2697 calls it so): `perSecond` come in a second, and as many may be saved up.
 *
 * Times are in milliseconds.
 */
export function createTokenBucket(perSecond: number, now: number): TokenBucket {
  let left = perSecond;
  let last = now;
  const fill = (time: number): void => {
    left = Math.min(perSecond, left + ((time - last) * perSecond) / 1_000);
    last = time;
  };
  return {
    take(time) {
      fill(time);
      if (left < 1) return false;
      left--;
      return true;
    },
    isFull(time) {
      fill(time);
      return left >= perSecond;
    },
  };
}
