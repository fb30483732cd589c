import { Socket } from 'engine.io';
import type { EmitterInternals, WriteOptions } from '../internals/private-names.ts';
import { type Connection, queueOf } from './connection.ts';
import { messageFrame } from './message-frame.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/** Another function in its place holds back what is written, until the connection has this one again. */
const { flush } = Socket.prototype as unknown as Connection;

/**
 * Replaces `write` of a connection of Engine.IO, which Socket.IO calls for every packet. Text, and a frame that is encoded already, go straight to
 * the outlet, past all queues, if that changes nothing: no packet is queued before it, none is held back, and the client keeps up. Everything else takes the
 * ordinary way, and so does what follows it until its queue is empty, so the order stays the same.
 */
export function writeReady(this: Connection, data: unknown, options?: WriteOptions, written?: () => void): Connection {
  const frame = options?.wsPreEncodedFrame;
  const { transport } = this;
  const queue = this[queueOf];
  queue?.watch.onMessage();
  if (
    (frame !== undefined || typeof data === 'string') &&
    transport instanceof WebSocketTransport &&
    written === undefined &&
    this.readyState === 'open' &&
    this.writeBuffer.length === 0 &&
    this.flush === flush &&
    transport.keepsUp &&
    !isObserved(this)
  ) {
    transport.outlet.hold(frame === undefined ? messageFrame(data as string) : whole(frame));
    transport.sent++;
    return this;
  }
  this.send(data, options, written);
  if (queue !== undefined && this.writeBuffer.length > 0) queue.add(data, frame);
  return this;
}

/** Whether a program listens to what happens to packets: it is told on the ordinary way only. */
function isObserved(connection: Connection): boolean {
  const { _events: events } = connection as Connection & Partial<EmitterInternals>;
  return (
    events === undefined ||
    events.packetCreate !== undefined ||
    events.flush !== undefined ||
    events.drain !== undefined
  );
}

/** The frame in one piece. It is joined in place, so that it is joined once for all clients. */
function whole(frame: Buffer[]): Buffer {
  if (frame.length > 1) frame.splice(0, frame.length, Buffer.concat(frame));
  return frame[0] as Buffer;
}
