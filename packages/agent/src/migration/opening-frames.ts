import { stopClientPing } from '@gopush/contract';
import { frameSize, opcodes } from '../tunnel/frame-header.ts';

/** Most bytes that these frames may have. */
const mostBytes = 65_536;

/**
 * Cuts off the first data frames of the next target, such as Engine.IO's `open`: the client has had them from its first
 * target. Control frames between them are not for the client either.
 */
export class OpeningFrames {
  #left: number;
  #bytes: Buffer | undefined;
  /** Whether the target already asked for the client to be stopped. */
  asksToStop = false;

  /** @param count - how many data frames are cut off */
  constructor(count: number) {
    this.#left = count;
  }

  /** Whether they are longer than any target's. */
  get areTooLong(): boolean {
    return (this.#bytes?.length ?? 0) >= mostBytes;
  }

  /**
   * Takes a chunk of the target, which is valid only during the call.
   *
   * @returns what follows them, perhaps nothing; `undefined`: they are not complete
   */
  take(chunk: Buffer, length: number): Buffer | undefined {
    const fresh = Buffer.from(chunk.subarray(0, length));
    let bytes = this.#bytes === undefined ? fresh : Buffer.concat([this.#bytes, fresh]);
    while (this.#left > 0) {
      const size = frameSize(bytes);
      if (size === undefined || size > bytes.length) {
        this.#bytes = bytes;
        return undefined;
      }
      const opcode = (bytes[0] as number) & 0x0f;
      if (opcode < 8) this.#left--;
      else if (opcode === opcodes.ping && bytes.toString('latin1', 2, size) === stopClientPing) this.asksToStop = true;
      bytes = bytes.subarray(size);
    }
    this.#bytes = undefined;
    return bytes;
  }
}
