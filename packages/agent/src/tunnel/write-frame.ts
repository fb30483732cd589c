/** An unmasked close frame, as a server sends it (RFC 6455 section 5.5.1). */
export function writeCloseFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff]);
}

/** A masked control frame, as a client sends it. The masking key is zero: the payload is our own and need not be hidden. */
export function writeMaskedControl(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
