import type { RedisConfig } from '@gopush/contract';
import type { Store } from '../store.ts';
import { openConnection } from './connection.ts';
import { createHistory } from './history.ts';
import { createInbox } from './inbox.ts';
import { createKeys } from './keys.ts';
import { createPresence } from './presence.ts';
import { createRegistry } from './registry.ts';
import { createSessions } from './sessions.ts';

/**
 * Opens the store in a Redis from 6.2 on: a single one, the master that sentinels watch, or a cluster. Waits up to 2 s for it; where it cannot
 * be reached the store begins `down`, and comes up by itself.
 */
export async function openRedisStore(config: RedisConfig): Promise<Store> {
  const connection = await openConnection(config);
  const registry = createRegistry(connection);
  return {
    kind: 'redis',
    history: createHistory(connection),
    inbox: createInbox(connection),
    presence: createPresence(connection),
    sessions: createSessions(connection),
    registry,
    keys: createKeys(connection),
    state: () => connection.state.get(),
    onState: connection.state.onChange,
    async close() {
      registry.close();
      await connection.close();
    },
  };
}
