import type { RedisClient } from '@gopush/store';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';

/** The Socket.IO adapter over Redis, with what it needs besides the connections it was given. */
export interface RedisAdapter {
  readonly adapter: AdapterFactory;
  /** Connections of its own, as many as there are by now. */
  clients(): readonly RedisClient[];
  /** Why what others send does not arrive, though there are connections; absent: nothing is known of that. */
  problem?(): string | undefined;
  /** How often its connections were made anew for that. */
  mends?(): number;
  /** Resolves when what others send arrives. */
  ready(): Promise<unknown>;
  /** Ends what the clients do not end by themselves when they are disconnected. */
  close(): void;
}
