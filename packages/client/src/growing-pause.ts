/** The pauses between attempts: each is twice as long as the one before, up to a limit, and varies, so that not all pages try again together. */
export class GrowingPause {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  /** @returns how long to wait now, in milliseconds: three quarters to five quarters of the pause */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(2 * ms, this.#longestMs);
    return ms * (0.75 + Math.random() / 2);
  }

  /** An attempt has succeeded: the next pause is the first one again. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
