import { perSecond as ratePerSecond, TokenBucket } from '@gopush/service';

/** Between two steps while callers wait, in milliseconds. */
const stepMs = 10;

/** Lets callers through in the order in which they came, at a limited rate. Sessions that fail over and sessions that are rebalanced share one. */
export class Pacer {
  readonly #bucket;
  readonly #line: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond - the rate, and how many turns can be saved up */
  constructor(perSecond: number) {
    this.#bucket = new TokenBucket(ratePerSecond(perSecond), performance.now());
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Takes a turn if one is free and no caller waits. */
  take(): boolean {
    return this.#line.length === 0 && this.#bucket.take(performance.now());
  }

  /** Resolves when it is the caller's turn; `undefined`: that is now. */
  turn(): Promise<void> | undefined {
    if (this.take()) return undefined;
    this.#timer ??= setInterval(() => this.#step(), stepMs);
    return new Promise((resolve) => this.#line.push(resolve));
  }

  #step(): void {
    const now = performance.now();
    let count = 0;
    while (count < this.#line.length && this.#bucket.take(now)) count++;
    for (const go of this.#line.splice(0, count)) go();
    if (this.#line.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Lets all through. */
  close(): void {
    for (const go of this.#line.splice(0)) go();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
