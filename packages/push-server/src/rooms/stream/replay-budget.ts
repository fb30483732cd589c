/** Most bytes of histories that one connection gets at once, and how many more it gets each second. */
const burstBytes = 16 * 1024 * 1024;
const bytesPerSecond = 1024 * 1024;

/**
 * Limits the bytes of histories that one connection gets. A request of a few bytes may return a whole history, again and again. A
 * connection without budget is refused until some time has passed.
 */
export class ReplayBudget {
  #left = burstBytes;
  #at: number;

  /** @param now - a clock in milliseconds that does not go back */
  constructor(now: number) {
    this.#at = now;
  }

  /** Whether budget is left. */
  hasMore(now: number): boolean {
    this.#left = Math.min(burstBytes, this.#left + ((now - this.#at) / 1_000) * bytesPerSecond);
    this.#at = now;
    return this.#left > 0;
  }

  /** Spends budget, even more than is left. */
  spend(bytes: number): void {
    this.#left -= bytes;
  }
}
