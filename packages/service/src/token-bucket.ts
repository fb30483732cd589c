/** Tokens per period; as many can be saved up. */
export interface Rate {
  readonly tokens: number;
  /** In milliseconds. */
  readonly periodMs: number;
}

/**
 * A token bucket (as in RFC 2697), full at first. Times are in milliseconds, of a clock that does not go back.
 *
 * The rate is one object for all buckets of a kind, so that a bucket is small: a push-server has some for each client.
 */
export class TokenBucket {
  protected readonly rate: Rate;
  #left: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.rate = rate;
    this.#left = rate.tokens;
    this.#at = now;
  }

  /** Takes tokens. @returns `false` if there are too few; then none are taken */
  take(now: number, tokens = 1): boolean {
    this.#fill(now);
    if (this.#left < tokens) return false;
    this.#left -= tokens;
    return true;
  }

  /** Takes tokens even if there are fewer, so that the next ones have to wait. */
  charge(tokens: number): void {
    this.#left -= tokens;
  }

  /** Time until there is a token, in milliseconds. */
  waitMs(now: number): number {
    this.#fill(now);
    return Math.max(0, ((1 - this.#left) * this.rate.periodMs) / this.rate.tokens);
  }

  /** Whether the bucket is full. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#left >= this.rate.tokens;
  }

  #fill(now: number): void {
    const { tokens, periodMs } = this.rate;
    this.#left = Math.min(tokens, this.#left + ((now - this.#at) * tokens) / periodMs);
    this.#at = now;
  }
}

/** A rate per second. */
export function perSecond(tokens: number): Rate {
  return { tokens, periodMs: 1_000 };
}

/** A rate per minute. */
export function perMinute(tokens: number): Rate {
  return { tokens, periodMs: 60_000 };
}
