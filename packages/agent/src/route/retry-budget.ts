/** Bounds retries. */
export interface RetryBudget {
  /** Counts a request. */
  deposit(): void;
  /** Takes one retry; `false` if none is left. */
  withdraw(): boolean;
}

/** Retries a second that are always allowed. */
const leastPerSecond = 10;

/** For how many seconds of these can be saved up. */
const savedSeconds = 10;

/**
 * Bounds retries by a share of all requests, so that they cannot multiply the load on the rest of a failing service:
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
