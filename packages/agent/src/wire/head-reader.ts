import { GrowingBytes } from './growing-bytes.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';

/** Largest size of all heads of one response together, those of early hints included, in bytes. */
const maxHeadsBytes = 128 * 1024;

/** Reads the heads of a response, of which there may be several (RFC 9110 section 15.2), wherever chunks are cut. */
export class HeadReader {
  /** The bytes after the last head. */
  rest: Buffer = noBytes;
  #partial: GrowingBytes | undefined;
  #headBytes = 0;

  /** Whether a part of a head has been read. */
  get isWithin(): boolean {
    return this.#partial !== undefined && this.#partial.length > 0;
  }

  /**
   * Takes the next bytes, which need to be valid only during the call.
   *
   * @returns the next head, `undefined` while it is incomplete, or a sentence with its fault
   */
  read(bytes: Buffer): ResponseHead | string | undefined {
    const partial = this.#partial;
    const known = partial?.length ?? 0;
    partial?.add(bytes);
    const all = partial?.bytes ?? bytes;
    this.#partial = undefined;
    const head = parseResponseHead(all, known);
    if (typeof head === 'string') return head;
    if (head === undefined) {
      this.#partial = partial ?? new GrowingBytes(Buffer.from(bytes));
      return undefined;
    }
    this.rest = all.subarray(head.size);
    this.#headBytes += head.size;
    return this.#headBytes > maxHeadsBytes ? 'too many bytes precede its response' : head;
  }
}

const noBytes = Buffer.alloc(0);
