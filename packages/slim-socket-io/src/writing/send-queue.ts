import type { Server } from 'socket.io';
import { type AnyTransport, type Connection, queueOf } from './connection.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/** What is told of connections and what waits for them. */
export interface Watch {
  /** Most that may wait for one, in bytes. */
  readonly limit: number;
  /** A message was handed to a connection. */
  onMessage(): void;
  /** Whether more than half of the limit waits has changed. */
  onSlow(connection: Connection, isSlow: boolean): void;
  /** More than the limit waits: the connection has to go. */
  onFull(connection: Connection): void;
  /** The client sends pings or heartbeats without end: the connection has to go. */
  onFlood(connection: Connection): void;
}

/** What a waiting packet takes besides its content, in bytes: objects of Node and Engine.IO. */
const packetBytes = 128;

/**
 * What waits for one connection: in Engine.IO while the transport is busy, and in the WebSocket while the network takes nothing. What a
 * long-polling client has asked for and not read yet is not seen here; it is at most one answer.
 */
export class SendQueue {
  readonly watch: Watch;
  readonly #connection: Connection;
  /** Bytes of the packets in a list of Engine.IO, which has another one after each flush. */
  #packets = 0;
  #list: readonly unknown[] | undefined = undefined;
  #isSlow = false;
  #isFull = false;

  constructor(connection: Connection, watch: Watch) {
    this.#connection = connection;
    this.watch = watch;
  }

  /** How much waits, in bytes. */
  get bytes(): number {
    const { transport, writeBuffer } = this.#connection;
    return (writeBuffer === this.#list ? this.#packets : 0) + (transport.socket?.bufferedAmount ?? 0);
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** A packet has come to wait in Engine.IO. */
  add(data: unknown, frame: readonly Buffer[] | undefined): void {
    this.#forget();
    this.#list = this.#connection.writeBuffer;
    this.#packets += packetBytes + sizeOf(data, frame);
    this.look();
  }

  /** More or less waits than before. */
  look(): void {
    this.#forget();
    if (this.#isFull) return;
    const { bytes, watch } = this;
    if (bytes > watch.limit) {
      this.#isFull = true;
      watch.onFull(this.#connection);
      return;
    }
    const isSlow = bytes > watch.limit / 2;
    if (isSlow === this.#isSlow) return;
    this.#isSlow = isSlow;
    watch.onSlow(this.#connection, isSlow);
  }

  /** What was flushed is the transport's. */
  #forget(): void {
    if (this.#list === this.#connection.writeBuffer) return;
    this.#list = undefined;
    this.#packets = 0;
  }
}

/** Watches what waits for each connection that comes from now on. `slimSocketIo` must have been called. */
export function watchQueues(io: Server, watch: Watch): void {
  io.engine.on('connection', (connection: Connection) => {
    const queue = new SendQueue(connection, watch);
    connection[queueOf] = queue;
    if (!follow(connection.transport, queue)) connection.once('upgrade', (transport) => void follow(transport, queue));
  });
}

/** Has a queue looked at whenever something has gone. @returns `true` for a transport of ours, which does so itself */
function follow(transport: AnyTransport, queue: SendQueue): boolean {
  if (transport instanceof WebSocketTransport) return true;
  transport.on('drain', () => queue.look());
  return false;
}

function sizeOf(data: unknown, frame: readonly Buffer[] | undefined): number {
  if (frame !== undefined) return frame.reduce((sum, { length }) => sum + length, 0);
  if (typeof data === 'string') return Buffer.byteLength(data);
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0;
}
