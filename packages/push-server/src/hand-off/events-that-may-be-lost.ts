/** First bytes of frames that are whole messages, without compression (RFC 6455, 5.2). */
const [wholeText, wholePing, wholePong] = [0x81, 0x89, 0x8a];

/** Headers of a client's frames, with their masks, in bytes: of a payload below 126 bytes, and of one below 64 KiB. Longer ones are not looked at. */
const [shortHeader, longHeader] = [6, 8];

/** Of Engine.IO: a pong, and a message of Socket.IO. */
const [enginePong, engineMessage] = [0x33, 0x34];

/** Of Socket.IO: an event or an ack without attachments. */
const [event, ack] = [0x32, 0x33];

/**
 * Whether bytes from a client, at the beginning of a message, end with a message, and contain nothing but events, acks and heartbeats: what may be
 * lost if this process dies before it has handled them (docs/seamless.md). A CONNECT is not, as its client would wait for the response, nor is an event
 * whose attachments are to come.
 */
export function mayAllBeLost(bytes: Buffer): boolean {
  let at = 0;
  while (at + shortHeader <= bytes.length) {
    const short = (bytes[at + 1] as number) - 0x80;
    if (short < 0 || short > 126) return false;
    const payload = at + (short === 126 ? longHeader : shortHeader);
    const end = payload + (short === 126 ? bytes.readUInt16BE(at + 2) : short);
    if (end > bytes.length || !mayBeLost(bytes, at, payload, end)) return false;
    at = end;
  }
  return at > 0 && at === bytes.length;
}

function mayBeLost(bytes: Buffer, at: number, payload: number, end: number): boolean {
  const first = bytes[at];
  if (first === wholePing || first === wholePong) return true;
  if (first !== wholeText || end === payload) return false;
  const type = unmasked(bytes, payload, 0);
  if (type !== engineMessage) return type === enginePong && end === payload + 1;
  const kind = unmasked(bytes, payload, 1);
  return end > payload + 1 && (kind === event || kind === ack);
}

/** A byte of a payload, behind its mask of four bytes. */
function unmasked(bytes: Buffer, payload: number, at: number): number {
  return (bytes[payload + at] as number) ^ (bytes[payload - 4 + at] as number);
}
