import type { WebSocketInternals } from '../internals/private-names.ts';

/** States of the receiver of `ws`: what it reads next. */
const reads = { head: 0, length16: 1, length64: 2, mask: 3, payload: 4 } as const;

/** Opcode of a close frame; opcodes of control frames begin here (RFC 6455 section 5.2). */
const close = 8;

const noMask = Buffer.alloc(4);

/**
 * What the client of a WebSocket has sent since its last complete message, as frames that another server can read before the rest of the stream. They
 * are equivalent to what the client sent, but not the same bytes: `ws` keeps the contents of a frame's header, and not its bytes.
 *
 * The connection must be paused, and nothing of it wait in its socket.
 *
 * @returns `undefined` if that cannot be told: the stream is compressed, invalid, or the client has closed it
 */
export function unreadBytes({ _receiver: receiver, extensions }: WebSocketInternals): Buffer | undefined {
  if (!isKnown(receiver)) return undefined;
  const { _state: state, _opcode: opcode, _fragmented: fragmented, _fragments: fragments, _buffers: rest } = receiver;
  if (extensions !== '' || receiver._errored || state > reads.payload) return undefined;
  if (opcode === close && state === reads.head) return undefined;
  const parts: Buffer[] = [];
  const isInData = state !== reads.head && opcode < close;
  const read = Buffer.concat(fragments);
  // Empty fragments need not be repeated, if another frame of the message begins it again.
  const repeats = fragmented !== 0 && (read.length > 0 || !isInData);
  if (repeats) parts.push(headOf(fragmented, false, read.length), noMask, read);
  if (state !== reads.head) {
    const isContinuation = isInData && repeats;
    parts.push(headOf(isContinuation ? 0 : opcode, receiver._fin, lengthField(receiver)));
    if (state === reads.payload && receiver._mask !== undefined) parts.push(receiver._mask);
  }
  return Buffer.concat([...parts, ...rest]);
}

/** Whether a receiver is as this file knows it; the self-check counts its names as figures only. */
function isKnown(receiver: Partial<WebSocketInternals['_receiver']> | undefined): boolean {
  const { _state, _opcode, _fragmented, _payloadLength, _fragments, _buffers } = receiver ?? {};
  const areNumbers = [_state, _opcode, _fragmented, _payloadLength].every(Number.isInteger);
  return areNumbers && Array.isArray(_fragments) && Array.isArray(_buffers);
}

/** The length in the header that was read, or that a longer one follows: `ws` has not read that yet. */
function lengthField({
  _state: state,
  _payloadLength: length,
}: WebSocketInternals['_receiver']): number | 'in 2 bytes' | 'in 8 bytes' {
  if (state === reads.length16) return 'in 2 bytes';
  return state === reads.length64 ? 'in 8 bytes' : length;
}

/** The header of a masked frame, without the mask (RFC 6455 section 5.2). */
function headOf(opcode: number, isLast: boolean, length: ReturnType<typeof lengthField>): Buffer {
  const first = (isLast ? 0x80 : 0) | opcode;
  if (length === 'in 2 bytes') return Buffer.of(first, 0x80 | 126);
  if (length === 'in 8 bytes') return Buffer.of(first, 0x80 | 127);
  if (length < 126) return Buffer.of(first, 0x80 | length);
  if (length < 0x10000) return Buffer.of(first, 0x80 | 126, length >> 8, length & 0xff);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
