import { outletOf, type Transport } from './connection.ts';

/** What the adapter of Socket.IO gives along with a packet for many: the WebSocket frame, made once for all of them. */
interface WriteOptions {
  readonly wsPreEncodedFrame?: Buffer[];
}

/** What is used here of an Engine.IO socket. */
export interface Connection {
  readonly readyState: string;
  readonly transport: Transport;
  readonly writeBuffer: readonly unknown[];
  listenerCount(event: string): number;
  send(data: unknown, options?: WriteOptions, written?: () => void): Connection;
  write(data: unknown, options?: WriteOptions, written?: () => void): Connection;
}

/**
 * Takes the place of an Engine.IO socket's `write`, by which all packets of Socket.IO come. A frame that is ready goes straight to the
 * connection, past all queues, where that changes nothing: no packet is queued before it, and the client keeps up. Everything else
 * goes the ordinary way, and so does what comes after it until its queue is empty: order is kept.
 */
export function writeReady(this: Connection, data: unknown, options?: WriteOptions, written?: () => void): Connection {
  const frame = options?.wsPreEncodedFrame;
  const { transport } = this;
  const outlet = transport[outletOf];
  if (
    frame === undefined ||
    outlet === undefined ||
    written !== undefined ||
    !transport.writable ||
    transport.perMessageDeflate ||
    this.readyState !== 'open' ||
    this.writeBuffer.length > 0 ||
    !outlet.ready ||
    this.listenerCount('packetCreate') > 0
  ) {
    return this.send(data, options, written);
  }
  outlet.hold(whole(frame));
  return this;
}

/** The frame in one piece; it is joined in place, so that the other clients find it so. */
function whole(frame: Buffer[]): Buffer {
  if (frame.length > 1) frame.splice(0, frame.length, Buffer.concat(frame));
  return frame[0] as Buffer;
}
