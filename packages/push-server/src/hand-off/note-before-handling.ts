import type { TakenConnection } from '@gopush/hand-off';
import { unreadBytes, type WebSocketInternals } from '@gopush/slim-socket-io';
import { endOfLosable, mayBeLost } from './events-that-may-be-lost.ts';

/** State of the receiver of `ws` in which it reads a payload. */
const inPayload = 4;

/** `whole`: it is noted; `incomplete`: no message ends here, so nothing is handled yet; `other`: there is a message that may not be lost. */
type Before = 'whole' | 'incomplete' | 'other';

/**
 * Notes what was read before it is handled, if its messages may be lost. The beginning of a message behind them is kept: it is not handled. So it does
 * not matter how long a handler takes.
 */
export function noteBeforeHandling(taken: TakenConnection, webSocket: WebSocketInternals, bytes: Buffer): Before {
  const { _receiver: receiver, extensions } = webSocket;
  if (extensions !== '' || receiver._fragmented !== 0) return 'other';
  if (receiver._state === inPayload) {
    const end = receiver._payloadLength - receiver._bufferedBytes;
    if (bytes.length < end) return 'incomplete';
    return mayPayloadBeLost(receiver, bytes) ? noteFrom(taken, bytes, end) : 'other';
  }
  if (receiver._state === 0 && receiver._bufferedBytes === 0) return noteFrom(taken, bytes, 0);
  const head = unreadBytes(webSocket);
  return head === undefined ? 'other' : noteFrom(taken, Buffer.concat([head, bytes]), 0);
}

/** @param from - where a message begins */
function noteFrom(taken: TakenConnection, bytes: Buffer, from: number): Before {
  const end = endOfLosable(bytes, from);
  if (end < 0) return 'other';
  if (end === bytes.length) taken.read();
  else taken.half(bytes.subarray(end));
  return 'whole';
}

/** Whether the message may be lost whose last bytes have come. */
function mayPayloadBeLost(receiver: WebSocketInternals['_receiver'], bytes: Buffer): boolean {
  const { _buffers: buffers, _mask: mask, _payloadLength: length, _opcode: opcode, _fin: isLast } = receiver;
  if (mask === undefined) return false;
  const begun = [...buffers.slice(0, 2), bytes].map((part) => part.subarray(0, 2));
  const [first = 0, second = 0] = Buffer.concat(begun).map((byte, at) => byte ^ (mask[at % 4] as number));
  return mayBeLost((isLast ? 0x80 : 0) | opcode, first, second, length);
}
