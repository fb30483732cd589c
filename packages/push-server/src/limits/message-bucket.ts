/** After so many seconds' worth of refused messages, without a pause long enough to make up for them, a client is sent away. */
const patienceSeconds = 5;

/** The messages a second of one connection: so many, and as many at once after a pause. A few numbers, as each client has one. */
export class MessageBucket {
  #tokens: number;
  #at: number;
  #refused = 0;

  /** @param now - a clock in milliseconds that does not go back */
  constructor(perSecond: number, now: number) {
    this.#tokens = perSecond;
    this.#at = now;
  }

  /** Takes one. @returns `false` where it is one too many */
  take(perSecond: number, now: number): boolean {
    this.#tokens = Math.min(perSecond, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    if (this.#tokens >= perSecond) this.#refused = 0;
    if (this.#tokens < 1) {
      this.#refused++;
      return false;
    }
    this.#tokens--;
    return true;
  }

  /** Whether its client does not stop. */
  isSpent(perSecond: number): boolean {
    return this.#refused > perSecond * patienceSeconds;
  }
}
