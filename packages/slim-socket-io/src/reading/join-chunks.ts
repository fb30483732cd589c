import type { ReceiverInternals, WebSocketInternals } from '../internals/private-names.ts';

/** Most chunks of an incomplete frame that are kept apart; then they are joined. */
const mostChunks = 1_024;

/** Where a receiver keeps how many of its first chunks are joined ones. */
const ofReceiver: unique symbol = Symbol('joined chunks');

type Write = (this: Receiver, chunk: Buffer, encoding: string, done: (error?: Error | null) => void) => void;
type Receiver = ReceiverInternals & { _write: Write; [ofReceiver]?: number };

/**
 * Has a WebSocket join the chunks of an incomplete frame. `ws` keeps each chunk as it came, up to 262,144 of them. When the frame is complete, it
 * removes them one by one from the beginning of their list, and V8 moves the rest of a long list each time. A frame of a megabyte in tiny chunks
 * would block the event loop for half a minute.
 */
export function joinChunks({ _receiver }: Pick<WebSocketInternals, '_receiver'>): void {
  const receiver = _receiver as Partial<Receiver> | undefined;
  if (Array.isArray(receiver?._buffers) && typeof receiver._write === 'function') receiver._write = writeJoined;
}

/** Instead of the method of its class; the same function for all receivers. */
const writeJoined: Write = function (this: Receiver, chunk, encoding, done) {
  if (this._buffers.length >= mostChunks) join(this);
  (Object.getPrototypeOf(this) as Receiver)._write.call(this, chunk, encoding, done);
};

/** Joins the last chunks, so that each byte is copied once, however long the frame is. */
function join(receiver: Receiver): void {
  const { _buffers: chunks } = receiver;
  const before = Math.min(receiver[ofReceiver] ?? 0, chunks.length);
  if (chunks.length - before < mostChunks) return;
  chunks.push(Buffer.concat(chunks.splice(before)));
  receiver[ofReceiver] = chunks.length;
}
