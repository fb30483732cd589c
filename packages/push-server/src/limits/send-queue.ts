import { type Connection, webSocketOf } from './close-connection.ts';

/** What a send queue tells. */
export interface SendQueueEvents {
  /** A message was handed to the connection. */
  onMessage(): void;
  /** Whether it is more than half full has changed. */
  onSlow(isSlow: boolean): void;
  /** It is full: the connection has to go. */
  onFull(): void;
}

/** A packet as Engine.IO announces it. */
interface Packet {
  readonly type: string;
  readonly data?: unknown;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

/** What a waiting packet takes besides its content, in bytes: objects of Node and Engine.IO. */
const packetBytes = 128;

/**
 * What waits for one connection: in Engine.IO while the transport is busy, and in the WebSocket while the network takes nothing. What a
 * long-polling client has asked for and not read yet is not seen here; it is at most one answer.
 */
export class SendQueue {
  readonly #connection: Connection;
  readonly #limit: number;
  readonly #events: SendQueueEvents;
  /** Bytes in Engine.IO. */
  #waiting = 0;
  #isSlow = false;
  #isFull = false;

  /** @param limit - in bytes */
  constructor(connection: Connection, limit: number, events: SendQueueEvents) {
    this.#connection = connection;
    this.#limit = limit;
    this.#events = events;
    connection.on('packetCreate', (packet: Packet) => this.#add(packet));
    connection.on('flush', () => {
      this.#waiting = 0;
    });
    this.#follow();
    connection.on('upgrade', () => this.#follow());
  }

  /** How much waits, in bytes. */
  get bytes(): number {
    return this.#waiting + (webSocketOf(this.#connection)?.bufferedAmount ?? 0);
  }

  get isSlow(): boolean {
    return this.#isSlow;
  }

  #follow(): void {
    // Engine.IO's own drain tells that something was handed over, this one that it is gone.
    this.#connection.transport.on('drain', () => this.#look());
  }

  #add(packet: Packet): void {
    if (packet.type === 'message') this.#events.onMessage();
    this.#waiting += packetBytes + sizeOf(packet);
    this.#look();
  }

  #look(): void {
    if (this.#isFull) return;
    const { bytes } = this;
    if (bytes > this.#limit) {
      this.#isFull = true;
      this.#events.onFull();
      return;
    }
    const isSlow = bytes > this.#limit / 2;
    if (isSlow === this.#isSlow) return;
    this.#isSlow = isSlow;
    this.#events.onSlow(isSlow);
  }
}

function sizeOf({ data, options }: Packet): number {
  const frame = options?.wsPreEncodedFrame;
  if (frame !== undefined) return frame.reduce((sum, { length }) => sum + length, 0);
  if (typeof data === 'string') return Buffer.byteLength(data);
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0;
}
