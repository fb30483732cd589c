/** Most bytes of histories that one connection is given at once, and how many more each second. */
const burstBytes = 16 * 1024 * 1024;
const bytesPerSecond = 1024 * 1024;

/**
 * How much of histories one connection may still be given. A request of a few bytes may be answered with a whole history, again and again;
 * one that asks for more than this is refused until some time has passed.
 */
export class ReplayBudget {
  #left = burstBytes;
  #at: number;

  /** @param now - a clock in milliseconds that does not go back */
  constructor(now: number) {
    this.#at = now;
  }

  /** Whether something is left. */
  hasMore(now: number): boolean {
    this.#left = Math.min(burstBytes, this.#left + ((now - this.#at) / 1_000) * bytesPerSecond);
    this.#at = now;
    return this.#left > 0;
  }

  /** What was given counts even where it is more than was left. */
  spend(bytes: number): void {
    this.#left -= bytes;
  }
}
