import type { RedisClient } from '@gopush/store';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';

/** A Socket.IO adapter over Redis, and the connections of its own. */
export interface RedisAdapter {
  readonly adapter: AdapterFactory;
  /** Connections of its own, as many as there are by now. */
  clients(): readonly RedisClient[];
  /** Why messages of others do not arrive, although there are connections; absent: that is not known. */
  problem?(): string | undefined;
  /** How often its connections were reopened because of that. */
  mends?(): number;
  /** Resolves when messages of others arrive. */
  ready(): Promise<unknown>;
  /** Ends what does not end when its connections do. */
  close(): void;
}
