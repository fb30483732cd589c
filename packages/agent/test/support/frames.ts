import * as ws from 'ws';

/** Writes frames; ws exports it without types. */
const { Sender } = ws as unknown as { Sender: { frame(payload: Buffer, options: object): Buffer[] } };

/** How a frame is written. */
export interface FrameOptions {
  readonly opcode?: number;
  readonly mask?: boolean;
  readonly fin?: boolean;
}

/** A frame as a server sends it, or, with `mask`, a client; the masking key is zero, so that its text can be read. */
export function frame(text: string | Buffer, { opcode = 1, mask = false, fin = true }: FrameOptions = {}): Buffer {
  const options = { fin, rsv1: false, opcode, mask, readOnly: true, maskBuffer: Buffer.alloc(4), generateMask() {} };
  return Buffer.concat(Sender.frame(Buffer.from(text as string), options));
}

/** The same bytes in chunks, cut at these places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}
