import { openStore, type Store } from '@gopush/store';
import { logStore } from '../route/log-store.ts';
import type { Opening } from './opening.ts';

/** The store, if an agent needs it: to discover push-servers, or to share the key of sticky signatures with agents of other machines. */
export async function openAgentStore({ config, dir, log, opened }: Opening): Promise<Store | undefined> {
  const sharesKey = config.redisAdapter !== null && config.access.secrets.length === 0;
  if (!config.routing.discover && !sharesKey) return undefined;
  const store = await openStore(config, dir);
  opened('store', store.close);
  opened('log of the store', logStore(store, log));
  return store;
}
