/** Reads the fields of a payload. Missing bytes are read as zeros; then {@link ByteReader.isComplete} is `false`. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;
  #isShort = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether the payload had all fields that were read, and no bytes after them. */
  get isComplete(): boolean {
    return !this.#isShort && this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#skip(1) ? this.#bytes.readUInt8(this.#at - 1) : 0;
  }

  u16(): number {
    return this.#skip(2) ? this.#bytes.readUInt16LE(this.#at - 2) : 0;
  }

  u32(): number {
    return this.#skip(4) ? this.#bytes.readUInt32LE(this.#at - 4) : 0;
  }

  f64(): number {
    return this.#skip(8) ? this.#bytes.readDoubleLE(this.#at - 8) : 0;
  }

  /** A copy of bytes whose length is in front of them as u32. */
  bytes(): Buffer {
    const length = this.u32();
    return this.#skip(length) ? Buffer.from(this.#bytes.subarray(this.#at - length, this.#at)) : Buffer.alloc(0);
  }

  /** A copy of all that is left. */
  rest(): Buffer {
    const rest = Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = this.#bytes.length;
    return rest;
  }

  #skip(count: number): boolean {
    if (this.#at + count > this.#bytes.length) this.#isShort = true;
    else this.#at += count;
    return !this.#isShort;
  }
}
