/** Bytes to which more are added at the end. Their memory doubles when it is full, so that many small pieces cost little more than one large. */
export class GrowingBytes {
  #memory: Buffer;
  #length: number;

  /** @param bytes - taken over: they must not change any more */
  constructor(bytes: Buffer) {
    this.#memory = bytes;
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** All bytes so far. The view stays the same when more are added. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** @param bytes - copied */
  add(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#length));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.#length);
    this.#length = length;
  }
}
