import type { RegistryStore } from '@gopush/store';
import type { Bus } from '../../rooms/bus/bus.ts';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import type { MoveClient } from '../emitters/emitters.ts';

/** Counts of a fan-out since the start. */
interface FanoutCounts {
  /** How often messages of others may have been lost, so that all rooms read their histories. */
  readonly gaps: number;
  /** How often connections were reopened: their address leads to another server, or nothing came. */
  readonly reconnects: { readonly moved: number; readonly silent: number };
  /** How many other push-servers this one should hear from, and how many of them it does not. */
  readonly peers: { readonly expected: number; readonly missing: number };
}

/** Connects the push-servers: a message to a room on one reaches the room's clients on all. */
export interface Fanout {
  readonly kind: 'embedded' | 'redis';
  readonly adapter: AdapterFactory;
  /** Carries messages of rooms and users. Socket.IO's own go by the adapter. */
  readonly bus: Bus;
  /** Sets who puts clients into rooms when a program without Socket.IO asks for that. One listener. */
  onMove(move: MoveClient): void;
  /** Why other push-servers are not reached now; `undefined`: they are. Clients of this one are served either way. */
  problem(): string | undefined;
  /** Whether all other push-servers are reached, as of a moment ago: cheap enough to ask for each message. */
  isJoined(): boolean;
  /** The counts; `undefined` if nothing can be lost unnoticed. */
  counts(): FanoutCounts | undefined;
  /**
   * Learns from the registry which push-servers should be reached, and announces this one there.
   *
   * @returns withdraws the announcement
   */
  meet(registry: RegistryStore): () => Promise<void>;
  /** Resolves when the push-servers that are there are reached, or cannot be for now. */
  joined(): Promise<void>;
  /** Connections to other push-servers that this one has ended, by cause. */
  readonly drops: ReadonlyMap<string, number>;
  close(): Promise<void>;
}
