import { parseResponseHead, type ResponseHead } from './response-head.ts';

/** Most that the heads of one answer may have, early hints and the like before it included; bytes. */
const maxHeadsBytes = 128 * 1024;

/** Reads the heads of an answer, of which there may be several (RFC 9110 section 15.2), however they are cut. */
export class HeadReader {
  /** What came after the last head. */
  rest: Buffer = noBytes;
  #partial: Buffer | undefined;
  #headBytes = 0;

  /** Whether there is a part of a head. */
  get isWithin(): boolean {
    return this.#partial !== undefined && this.#partial.length > 0;
  }

  /**
   * Takes the next bytes, which need to be valid only now.
   *
   * @returns the next head, `undefined` while it is not whole, or a sentence saying what is wrong
   */
  read(bytes: Buffer): ResponseHead | string | undefined {
    const all = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    this.#partial = undefined;
    const head = parseResponseHead(all);
    if (typeof head === 'string') return head;
    if (head === undefined) {
      this.#partial = Buffer.from(all);
      return undefined;
    }
    this.rest = all.subarray(head.size);
    this.#headBytes += head.size;
    return this.#headBytes > maxHeadsBytes ? 'too many bytes precede its response' : head;
  }
}

const noBytes = Buffer.alloc(0);
