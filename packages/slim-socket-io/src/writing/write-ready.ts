import { type Connection, queueOf, type WriteOptions } from './connection.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/**
 * Takes the place of an Engine.IO socket's `write`, by which all packets of Socket.IO come. A frame that is ready goes straight to the
 * connection, past all queues, where that changes nothing: no packet is queued before it, and the client keeps up. Everything else
 * goes the ordinary way, and so does what comes after it until its queue is empty: order is kept.
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
    return this;
  }
  this.send(data, options, written);
  if (queue !== undefined && this.writeBuffer.length > 0) queue.add(data, frame);
  return this;
}

/** The frame in one piece; it is joined in place, so that the other clients find it so. */
function whole(frame: Buffer[]): Buffer {
  if (frame.length > 1) frame.splice(0, frame.length, Buffer.concat(frame));
  return frame[0] as Buffer;
}
