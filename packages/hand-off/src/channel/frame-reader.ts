import { maxFrameBytes } from './limits.ts';

/** Bytes before the payload of a frame: its length without these four bytes, a type, an id. */
const frameHeaderBytes = 9;

/** Takes a frame. The payload is valid only during the call. */
export type OnFrame = (type: number, id: number, payload: Buffer) => void;

/** Writes a frame: u32 length of what follows, u8 type, u32 id, payload; numbers are little-endian. */
export function writeFrame(type: number, id: number, ...parts: readonly Buffer[]): Buffer {
  let length = frameHeaderBytes;
  for (const part of parts) length += part.length;
  const frame = Buffer.allocUnsafe(length);
  frame.writeUInt32LE(length - 4, 0);
  frame[4] = type;
  frame.writeUInt32LE(id, 5);
  let at = frameHeaderBytes;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** Finds the frames in what arrives. */
export class FrameReader {
  #waiting: Buffer[] = [];
  #bytes = 0;
  /** How many bytes are needed before there is anything to read. */
  #needed = frameHeaderBytes;

  /** @returns `false` if the peer breaks the protocol: nothing after that can be understood */
  read(chunk: Buffer, onFrame: OnFrame): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) {
      this.#waiting.push(chunk);
      return true;
    }
    let bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([...this.#waiting, chunk]);
    this.#waiting = [];
    for (;;) {
      this.#needed = frameHeaderBytes;
      if (bytes.length < frameHeaderBytes) break;
      const length = bytes.readUInt32LE(0) + 4;
      if (length < frameHeaderBytes || length > maxFrameBytes) return false;
      this.#needed = length;
      if (bytes.length < length) break;
      onFrame(bytes[4] as number, bytes.readUInt32LE(5), bytes.subarray(frameHeaderBytes, length));
      bytes = bytes.subarray(length);
    }
    this.#bytes = bytes.length;
    if (bytes.length > 0) this.#waiting.push(bytes);
    return true;
  }
}
