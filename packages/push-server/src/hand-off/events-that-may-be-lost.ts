/** First bytes of frames that are whole messages, without compression (RFC 6455, 5.2). */
const [wholeText, wholePing, wholePong] = [0x81, 0x89, 0x8a];

/** Headers of a client's frames, with their masks, in bytes: of a payload below 126 bytes, of one below 64 KiB, and of a longer one. */
const [shortHeader, longHeader, longestHeader] = [6, 8, 14];

/** Of Engine.IO: a pong, and a message of Socket.IO. */
const [enginePong, engineMessage] = [0x33, 0x34];

/** Of Socket.IO: an event or an ack without attachments. */
const [event, ack] = [0x32, 0x33];

/**
 * How far bytes from a client contain nothing but whole events, acks and heartbeats: what may be lost if this process dies before it has handled them
 * (docs/seamless.md). A CONNECT may not, as its client would wait for the response, nor may an event whose attachments are to come.
 *
 * @param from - where a message begins
 * @returns where the last of them ends, if nothing but the beginning of a message follows; negative: there is a message of another kind
 */
export function endOfLosable(bytes: Buffer, from = 0): number {
  let at = from;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] as number) - 0x80;
    if (short < 0) return -1;
    const payload = at + (short === 127 ? longestHeader : short === 126 ? longHeader : shortHeader);
    if (payload > bytes.length) return at;
    const length = short === 127 ? bytes.readUIntBE(at + 4, 6) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const end = payload + length;
    if (end > bytes.length) return at;
    const [first, second] = [unmasked(bytes, payload, 0), unmasked(bytes, payload, 1)];
    if (!mayBeLost(bytes[at] as number, first, second, length)) return -1;
    at = end;
  }
  return at;
}

/**
 * Whether a message may be lost.
 *
 * @param head - first byte of its frame
 * @param first - first byte of its payload
 * @param second - next byte of its payload
 * @param length - of its payload
 */
export function mayBeLost(head: number, first: number, second: number, length: number): boolean {
  if (head === wholePing || head === wholePong) return true;
  if (head !== wholeText || length === 0) return false;
  if (first !== engineMessage) return first === enginePong && length === 1;
  return length > 1 && (second === event || second === ack);
}

/** A byte of a payload, behind its mask of four bytes. */
function unmasked(bytes: Buffer, payload: number, at: number): number {
  return (bytes[payload + at] as number) ^ (bytes[payload - 4 + at] as number);
}
