/** Largest message between two push-servers, in bytes. */
export const maxFrameBytes = 64 * 1024 * 1024;

/** A message with its length and its kind before it, as it travels between push-servers. */
export function writeFrame(kind: number, payload: Buffer = nothing): Buffer {
  const frame = Buffer.allocUnsafe(5 + payload.length);
  frame.writeUInt32BE(1 + payload.length, 0);
  frame[4] = kind;
  payload.copy(frame, 5);
  return frame;
}

/** A message that is one number or more. */
export function writeNumbers(kind: number, ...numbers: readonly number[]): Buffer {
  const frame = Buffer.allocUnsafe(5 + 4 * numbers.length);
  frame.writeUInt32BE(1 + 4 * numbers.length, 0);
  frame[4] = kind;
  for (const [index, number] of numbers.entries()) frame.writeUInt32BE(number, 5 + 4 * index);
  return frame;
}

/**
 * Makes a reader that takes a stream, cut anywhere, to whole messages.
 *
 * @param most - asked before each message: how many bytes it may have
 * @returns takes a chunk; `false` if a message is too large or has no kind, after which nothing more may be given
 */
export function createFrameReader(
  onMessage: (kind: number, payload: Buffer) => void,
  most: () => number = () => maxFrameBytes,
): (chunk: Buffer) => boolean {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let wanted = 4;

  return (chunk) => {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < wanted) return true;
    let bytes = pending.length === 1 ? chunk : Buffer.concat(pending);
    wanted = 4;
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (length > 1 + most() || length === 0) return false;
      wanted = 4 + length;
      if (bytes.length < wanted) break;
      onMessage(bytes[4] as number, bytes.subarray(5, wanted));
      bytes = bytes.subarray(wanted);
      wanted = 4;
    }
    pending = bytes.length === 0 ? [] : [bytes];
    pendingBytes = bytes.length;
    return true;
  };
}

const nothing = Buffer.alloc(0);
