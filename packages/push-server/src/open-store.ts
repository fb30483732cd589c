import { join, resolve } from 'node:path';
import type { Config } from '@gopush/contract';
import { openEmbeddedStore, openRedisStore, type Store } from '@gopush/store';

/**
 * Opens the store that the settings want: Redis where there is one, else a folder of the project.
 *
 * @param dir - folder of the project
 * @throws StoreError
 */
export function openStore({ redisAdapter, pushServer }: Config, dir: string): Promise<Store> {
  if (redisAdapter !== null) return openRedisStore(redisAdapter);
  const { storeDir } = pushServer;
  return openEmbeddedStore(storeDir === undefined ? join(dir, '.gopush', 'store') : resolve(dir, storeDir));
}
