/** The pings of a bus. One is under way at a time: a response to an earlier one counts no more. */
export class Pings {
  #count = 0;
  #sentAt = 0;
  #heard: (ms: number) => void = () => {};

  /**
   * Begins the next ping.
   *
   * @param heard - called for each response, with its time in milliseconds
   * @returns the payload of the next ping
   */
  next(heard: (ms: number) => void): Buffer {
    this.#count = (this.#count + 1) % 2 ** 32;
    this.#sentAt = performance.now();
    this.#heard = heard;
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(this.#count);
    return payload;
  }

  /** A ping came back, or a response to it. */
  receive(payload: Buffer): void {
    if (payload.length === 4 && payload.readUInt32BE() === this.#count) this.#heard(performance.now() - this.#sentAt);
  }
}
