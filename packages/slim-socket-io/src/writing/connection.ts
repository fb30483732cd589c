import type { SendQueue } from './send-queue.ts';

/** What the adapter of Socket.IO gives along with a packet for many: the WebSocket frame, made once for all of them. */
export interface WriteOptions {
  readonly wsPreEncodedFrame?: Buffer[];
}

/** What is used here of an Engine.IO transport. */
export interface AnyTransport {
  readonly name: string;
  readonly writable: boolean;
  /** That of WebSocket has one. */
  readonly socket?: { readonly bufferedAmount: number };
  on(event: 'drain', listener: () => void): unknown;
}

/** What is used here of an Engine.IO socket. Its methods are private; where one is not there nothing is done. */
export interface Connection {
  request: unknown;
  readonly readyState: string;
  readonly transport: AnyTransport;
  readonly writeBuffer: readonly unknown[];
  sentCallbackFn: unknown[];
  cleanupFn: (() => void)[];
  onPacket(packet: unknown): void;
  onDrain(): void;
  onError(error: Error): void;
  onClose(reason: string): void;
  flush(): void;
  listenerCount(event: string): number;
  once(event: 'upgrade', listener: (transport: AnyTransport) => void): unknown;
  send(data: unknown, options?: WriteOptions, written?: () => void): Connection;
  write(data: unknown, options?: WriteOptions, written?: () => void): Connection;
  [queueOf]?: SendQueue;
}

/** Where a connection keeps the queue that watches it. */
export const queueOf: unique symbol = Symbol('queue');
