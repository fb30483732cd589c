import type { TakenConnection } from '@gopush/hand-off';
import { unreadBytes, type WebSocketInternals } from '@gopush/slim-socket-io';

/**
 * Longest beginning of an event that is noted, in bytes, and in how many pieces it may have come: it is copied again with each that comes,
 * and the client decides how small they are.
 */
const maxBytes = 65_000;
const maxPieces = 256;

/** Notes what has come of an event, for the push-server that continues after a crash. */
export function noteHalfSentEvent(taken: TakenConnection, webSocket: WebSocketInternals): void {
  const { _bufferedBytes, _buffers, _fragments } = webSocket._receiver;
  if (_buffers.length + _fragments.length > maxPieces) return;
  let size = _bufferedBytes;
  for (const { length } of _fragments) size += length;
  const bytes = size > maxBytes ? undefined : unreadBytes(webSocket);
  if (bytes !== undefined) taken.half(bytes);
}
