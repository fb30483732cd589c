/** Longest that skipped frames may be, in bytes. */
const mostBytes = 65_536;

/** Cuts off the first WebSocket data frames of a stream (RFC 6455 section 5.2), with all control frames before the last of them. */
export class OpeningSkipper {
  #left: number;
  #bytes: Buffer | undefined;
  /** How many bytes were cut off. */
  skipped = 0;

  constructor(count: number) {
    this.#left = count;
  }

  get isDone(): boolean {
    return this.#left === 0;
  }

  /** @returns what follows; `undefined`: they are longer than any that are meant */
  take(chunk: Buffer): Buffer | undefined {
    let bytes = this.#bytes === undefined ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#bytes = undefined;
    while (this.#left > 0) {
      const size = frameSize(bytes);
      if (size > bytes.length) {
        if (bytes.length > mostBytes) return undefined;
        this.#bytes = bytes;
        return Buffer.alloc(0);
      }
      if (((bytes[0] as number) & 0x0f) < 8) this.#left--;
      bytes = bytes.subarray(size);
      this.skipped += size;
    }
    return bytes;
  }
}

/** Size of the frame with which bytes begin; infinite while that cannot be told. */
function frameSize(bytes: Buffer): number {
  if (bytes.length < 2) return Number.POSITIVE_INFINITY;
  const second = bytes[1] as number;
  const short = second & 0x7f;
  const header = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
  if (bytes.length < header) return Number.POSITIVE_INFINITY;
  if (short === 126) return header + bytes.readUInt16BE(2);
  return header + (short === 127 ? Number(bytes.readBigUInt64BE(2)) : short);
}
