/** The bytes a minute of one connection, and as many at once after a pause. Two numbers, as each client has one. */
export class ByteBucket {
  #left: number;
  #at: number;

  /** @param now - a clock in milliseconds that does not go back */
  constructor(perMinute: number, now: number) {
    this.#left = perMinute;
    this.#at = now;
  }

  /** Takes so many. @returns `false` where they are too many */
  take(perMinute: number, now: number, bytes: number): boolean {
    this.#left = Math.min(perMinute, this.#left + ((now - this.#at) * perMinute) / 60_000);
    this.#at = now;
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}
