import type { Server } from 'socket.io';
import { engineOf } from '../internals/inside-of.ts';
import type { TransportInternals } from '../internals/private-names.ts';
import { type Connection, type ConnectionQueue, type QueueWatch, queueOf } from './connection.ts';
import { WebSocketTransport } from './web-socket-transport.ts';

/** Memory that a waiting packet takes besides its content, in bytes: objects of Node and Engine.IO. */
const packetBytes = 128;

/**
 * Counts what waits for one connection: in Engine.IO while the transport is busy, and in the WebSocket while the network takes nothing. The
 * response that a client of long-polling has not read yet is not counted; there is one at most.
 */
export class SendQueue implements ConnectionQueue {
  readonly watch: QueueWatch;
  readonly #connection: Connection;
  /** Bytes of the packets in {@link SendQueue.#list}. */
  #packets = 0;
  /** The list of Engine.IO that was counted; Engine.IO has another one after each flush. */
  #list: readonly unknown[] | undefined = undefined;
  #isSlow = false;
  #isFull = false;

  constructor(connection: Connection, watch: QueueWatch) {
    this.#connection = connection;
    this.watch = watch;
  }

  get bytes(): number {
    const { transport, writeBuffer } = this.#connection;
    return (writeBuffer === this.#list ? this.#packets : 0) + (transport.socket?.bufferedAmount ?? 0);
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  add(data: unknown, frame: readonly Buffer[] | undefined): void {
    this.#forget();
    this.#list = this.#connection.writeBuffer;
    this.#packets += packetBytes + sizeOf(data, frame);
    this.look();
  }

  flushed(): void {
    this.#forget();
  }

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

  /** Packets that were flushed are the transport's, which counts them itself. */
  #forget(): void {
    if (this.#list === this.#connection.writeBuffer) return;
    this.#list = undefined;
    this.#packets = 0;
  }
}

/**
 * Watches what waits for each connection that comes from now on. `slimSocketIo` must have been called, since its `write` reports each message.
 */
export function watchQueues(io: Server, watch: QueueWatch): void {
  engineOf(io).on('connection', (connection: Connection) => {
    const queue = new SendQueue(connection, watch);
    connection[queueOf] = queue;
    if (!follow(connection.transport, queue)) connection.once('upgrade', (transport) => void follow(transport, queue));
  });
}

/** The queue of a connection; `undefined` if nothing watches it. */
export function sendQueueOf(connection: Connection): ConnectionQueue | undefined {
  return connection[queueOf];
}

/** Has a queue look whenever something was written. @returns `true` for a transport of ours, which does so itself */
function follow(transport: TransportInternals, queue: SendQueue): boolean {
  if (transport instanceof WebSocketTransport) return true;
  transport.on('drain', () => queue.look());
  return false;
}

function sizeOf(data: unknown, frame: readonly Buffer[] | undefined): number {
  if (frame !== undefined) return frame.reduce((sum, { length }) => sum + length, 0);
  if (typeof data === 'string') return Buffer.byteLength(data);
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0;
}
