import type { WriteOptions } from '../internals/private-names.ts';
import { type Connection, queueOf } from './connection.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/**
 * Replaces `write` of a connection of Engine.IO, which Socket.IO calls for every packet. A frame that is encoded already goes straight to the
 * outlet, past all queues, if that changes nothing: no packet is queued before it, and the client keeps up. Everything else takes the
 * ordinary way, and so does what follows it until its queue is empty, so the order stays the same.
 */
export function writeReady(this: Connection, data: unknown, options?: WriteOptions, written?: () => void): Connection {
  const frame = options?.wsPreEncodedFrame;
  const { transport } = this;
  const queue = this[queueOf];
  queue?.watch.onMessage();
  if (
    frame !== undefined &&
    transport instanceof WebSocketTransport &&
    written === undefined &&
    transport.writable &&
    this.readyState === 'open' &&
    this.writeBuffer.length === 0 &&
    transport.outlet.ready &&
    this.listenerCount('packetCreate') === 0
  ) {
    transport.outlet.hold(whole(frame));
    transport.sent++;
    return this;
  }
  this.send(data, options, written);
  if (queue !== undefined && this.writeBuffer.length > 0) queue.add(data, frame);
  return this;
}

/** The frame in one piece. It is joined in place, so that it is joined once for all clients. */
function whole(frame: Buffer[]): Buffer {
  if (frame.length > 1) frame.splice(0, frame.length, Buffer.concat(frame));
  return frame[0] as Buffer;
}
