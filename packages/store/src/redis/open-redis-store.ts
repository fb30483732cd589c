import { randomBytes } from 'node:crypto';
import type { RedisConfig } from '@gopush/contract';
import type { Store } from '../store.ts';
import { openConnection } from './connection.ts';
import { Eviction } from './eviction.ts';
import { createHistory } from './history.ts';
import { createInbox } from './inbox.ts';
import { createKeys } from './keys.ts';
import { RedisMemory } from './memory.ts';
import { createPresence } from './presence.ts';
import { createRegistry } from './registry.ts';
import { createSessions } from './sessions.ts';
import { createSummaries } from './summaries.ts';

/** Options of a store in Redis. */
export interface RedisStoreOptions {
  /** How long the last connection of a user is remembered, in milliseconds; 0: not at all. @defaultValue 7 days */
  readonly lastSeenMs?: number;
}

/**
 * Opens the store in Redis 6.2 or later: a single server, the master that sentinels watch, or a cluster. Waits up to 2 s for it. If it cannot be
 * reached, the store begins as `down` and comes up by itself.
 */
export async function openRedisStore(config: RedisConfig, options: RedisStoreOptions = {}): Promise<Store> {
  const connection = await openConnection(config);
  const registry = createRegistry(connection);
  const peers = createRegistry(connection, 'bus', false);
  const eviction = new Eviction(connection, randomBytes(9).toString('base64url'));
  const memory = new RedisMemory(connection, (servers) => eviction.begin(servers));
  return {
    kind: 'redis',
    history: createHistory(connection),
    inbox: createInbox(connection),
    presence: createPresence(connection, options.lastSeenMs ?? 7 * 86_400_000),
    sessions: createSessions(connection, () => memory.checkForSession()),
    registry,
    peers,
    keys: createKeys(connection),
    summaries: createSummaries(connection),
    state: () => connection.state.get(),
    problem: connection.problem,
    onState: connection.state.onChange,
    onForgotten: connection.forgotten.on,
    usedBytes: () => memory.used,
    async close() {
      registry.close();
      peers.close();
      memory.close();
      await eviction.close();
      await connection.close();
    },
  };
}
