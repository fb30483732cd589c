import type { TakenConnection } from '@gopush/hand-off';
import { closeFrameMs } from '../http/close-frame.ts';

/** Connections that end on request. */
const ending = new WeakSet<TakenConnection>();

/**
 * Ends a WebSocket that its agent wants closed: writes a close frame, to which the client responds, and the server's own
 * library then closes the connection as for any client that leaves. A client that does not respond is cut.
 *
 * The frame comes between two writes of the library, which are whole frames.
 */
export function endOnRequest(connection: TakenConnection, code: number, cause: string): void {
  const { socket } = connection;
  if (ending.has(connection) || socket.destroyed) return;
  ending.add(connection);
  const { messagesIn, messagesOut } = connection.ending ?? {};
  connection.ending = { code, cause, messagesIn, messagesOut };
  if (socket.writable) socket.write(closeFrame(code, cause));
  const cut = setTimeout(() => socket.destroy(), closeFrameMs);
  socket.once('close', () => clearTimeout(cut));
}

/** The longest reason of a close frame, in bytes (RFC 6455 section 5.5). */
const maxReasonBytes = 123;

/** A close frame of a server, without a mask. */
function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  // Part of a character would make the frame invalid.
  const payload = text.length > maxReasonBytes ? Buffer.alloc(0) : text;
  const frame = Buffer.alloc(4 + payload.length);
  frame[0] = 0x88;
  frame[1] = 2 + payload.length;
  frame.writeUInt16BE(code, 2);
  frame.set(payload, 4);
  return frame;
}
