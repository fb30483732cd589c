/** How much may be tried again. */
export interface RetryBudget {
  /** Counts a request. */
  deposit(): void;
  /** Takes one try; `false` where none is left. */
  withdraw(): boolean;
}

/** Tries a second that are always allowed. */
const leastPerSecond = 10;

/** Seconds' worth of these that may be saved up. */
const savedSeconds = 10;

/**
 * Bounds how much is tried again by how much is asked, so that trying again cannot multiply the load on what is left of a service:
 * https://finagle.github.io/blog/2016/02/08/retry-budgets/
 */
export function createRetryBudget(percent: number, now: () => number = () => performance.now()): RetryBudget {
  const share = percent / 100;
  const most = leastPerSecond * savedSeconds;
  let left = most;
  let last = now();
  return {
    deposit() {
      left = Math.min(left + share, most);
    },
    withdraw() {
      const time = now();
      left = Math.min(left + ((time - last) * leastPerSecond) / 1_000, most);
      last = time;
      if (left < 1) return false;
      left--;
      return true;
    },
  };
}
