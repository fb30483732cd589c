/** Largest message between two push-servers, in bytes. */
export const maxFrameBytes = 64 * 1024 * 1024;

/** A message with its length before it, as it travels between push-servers. */
export function writeFrame(payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(4 + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  payload.copy(frame, 4);
  return frame;
}

/**
 * Makes a reader that takes a stream, cut anywhere, to whole messages.
 *
 * @returns takes a chunk; `false` where a message is too large, after which nothing more may be given
 */
export function createFrameReader(onMessage: (payload: Buffer) => void): (chunk: Buffer) => boolean {
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
      if (length > maxFrameBytes) return false;
      wanted = 4 + length;
      if (bytes.length < wanted) break;
      onMessage(bytes.subarray(4, wanted));
      bytes = bytes.subarray(wanted);
      wanted = 4;
    }
    pending = bytes.length === 0 ? [] : [bytes];
    pendingBytes = bytes.length;
    return true;
  };
}
