/** Opcodes of WebSocket frames (RFC 6455 section 5.2). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Longest header: 2 bytes, 8 of length, 4 of masking key. */
export const maxHeaderBytes = 14;

/** The size of the header that begins at `at`, as far as the bytes up to `end` show; at least 2. */
export function headerSize(bytes: Buffer, at: number, end: number): number {
  if (end - at < 2) return 2;
  const second = bytes[at + 1] as number;
  const short = second & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
}

/** The size, with its header, of the frame with which these bytes begin; `undefined`: more bytes are needed. */
export function frameSize(bytes: Buffer): number | undefined {
  const header = headerSize(bytes, 0, bytes.length);
  if (bytes.length < header || bytes.length < 2) return undefined;
  const short = (bytes[1] as number) & 0x7f;
  if (short === 126) return header + bytes.readUInt16BE(2);
  return header + (short === 127 ? Number(bytes.readBigUInt64BE(2)) : short);
}

/** Unmasks a payload in place (RFC 6455 section 5.3). */
export function unmask(payload: Buffer, mask: number): void {
  for (let index = 0; index < payload.length; index++) {
    payload[index] = (payload[index] as number) ^ ((mask >>> (24 - 8 * (index & 3))) & 0xff);
  }
}
