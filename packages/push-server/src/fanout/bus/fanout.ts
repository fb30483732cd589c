import type { RegistryStore } from '@gopush/store';
import type { Bus } from '../../rooms/bus/bus.ts';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import type { MoveClient } from '../emitters/emitters.ts';

/** What a fan-out has seen since the start. */
interface FanoutCounts {
  /** How often something that others published may have been lost, so that all rooms looked into their logs. */
  readonly gaps: number;
  /** How often connections were made anew: their address leads elsewhere, or nothing came. */
  readonly reconnects: { readonly moved: number; readonly silent: number };
  /** Other push-servers that should be heard, and those of them that are not. */
  readonly peers: { readonly expected: number; readonly missing: number };
}

/** Joins the push-servers: what is sent to a room on one reaches the room's clients on all. */
export interface Fanout {
  readonly kind: 'embedded' | 'redis';
  readonly adapter: AdapterFactory;
  /** What our own messages take: those of rooms with a history, and of users. */
  readonly bus: Bus;
  /** Who puts clients into rooms where a program without Socket.IO asks for that. One listener. */
  onMove(move: MoveClient): void;
  /** Why other push-servers are not reached now; `undefined`: they are. What is local is served either way. */
  problem(): string | undefined;
  /** The same without a reason, as of a moment ago: cheap enough to ask for each message. */
  isJoined(): boolean;
  /** What is known of other push-servers; `undefined` where nothing can be lost silently. */
  counts(): FanoutCounts | undefined;
  /**
   * Finds out by the registry who should be reached.
   *
   * @returns says there that this push-server is gone
   */
  meet(registry: RegistryStore): () => Promise<void>;
  /** Resolves when the push-servers that were there have been met, or cannot be: then what is sent reaches them. */
  joined(): Promise<void>;
  /** Connections to other push-servers that this one has ended, by cause. */
  readonly drops: ReadonlyMap<string, number>;
  close(): Promise<void>;
}
