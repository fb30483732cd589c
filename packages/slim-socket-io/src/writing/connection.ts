import type { EngineConnection } from '../internals/private-names.ts';

/** Limits and events of the queues of connections. */
export interface QueueWatch {
  /** Most bytes that may wait for one connection. */
  readonly limit: number;
  /** A message was written to a connection. */
  onMessage(): void;
  /** More than half of the limit waits, or no longer. */
  onSlow(connection: Connection, isSlow: boolean): void;
  /** More than the limit waits: the connection has to be closed. */
  onFull(connection: Connection): void;
  /** The client sends pings or heartbeats without end: the connection has to be closed. */
  onFlood(connection: Connection): void;
}

/** What waits for one connection. */
export interface ConnectionQueue {
  readonly watch: QueueWatch;
  /** How much waits, in bytes. */
  readonly bytes: number;
  /** Whether more than half of the limit waits. */
  readonly isSlow: boolean;
  /** Counts a packet that has come to wait in Engine.IO. */
  add(data: unknown, frame: readonly Buffer[] | undefined): void;
  /** Engine.IO has given what waited to the transport: it is kept no longer. */
  flushed(): void;
  /** Looks again at how much waits. */
  look(): void;
}

/** Where a connection keeps the queue that watches it. */
export const queueOf: unique symbol = Symbol('queue');

/** A connection of Engine.IO with its queue. */
export interface Connection extends EngineConnection {
  [queueOf]?: ConnectionQueue;
}
