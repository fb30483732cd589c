import { perSecond as ratePerSecond, TokenBucket } from '@gopush/service';

/** Between two looks at who may go, while somebody waits, in milliseconds. */
const stepMs = 10;

/** Lets callers go in the order in which they came, so many a second. */
export class Pacer {
  readonly #bucket;
  readonly #line: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param perSecond - as many may have been saved up */
  constructor(perSecond: number) {
    this.#bucket = new TokenBucket(ratePerSecond(perSecond), performance.now());
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Resolves when it is the caller's turn; `undefined`: that is now. */
  turn(): Promise<void> | undefined {
    if (this.#line.length === 0 && this.#bucket.take(performance.now())) return undefined;
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

  /** Lets all go. */
  close(): void {
    for (const go of this.#line.splice(0)) go();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
