import type { Adapter } from 'socket.io-adapter';
import type { Bus } from './bus.ts';

/** Makes the Socket.IO adapter of one namespace. */
// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's own adapters take a namespace of any type
export type AdapterFactory = (namespace: any) => Adapter;

/** Joins the push-servers: what is sent to a room on one reaches the room's clients on all. */
export interface Fanout {
  readonly kind: 'embedded' | 'redis';
  readonly adapter: AdapterFactory;
  /** What our own messages take: those of rooms with a history, and of users. */
  readonly bus: Bus;
  /** Whether other push-servers are reached now; what is local is served either way. */
  state(): 'up' | 'down';
  /** Resolves when the push-servers that were there have been met, or cannot be: then what is sent reaches them. */
  joined(): Promise<void>;
  /** Connections to other push-servers that this one has ended, by cause. */
  readonly drops: ReadonlyMap<string, number>;
  close(): Promise<void>;
}
