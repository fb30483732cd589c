import { join, resolve } from 'node:path';
import type { Config } from '@gopush/contract';
import { openEmbeddedStore } from './embedded/open-embedded-store.ts';
import { openRedisStore } from './redis/open-redis-store.ts';
import { locateRedisFiles } from './redis/tls-options.ts';
import type { Store } from './store.ts';

/**
 * Opens the configured store: Redis if it is set, else a folder of the project.
 *
 * @param dir - folder of the project
 * @throws StoreError
 */
export function openStore(
  { redisAdapter, pushServer }: Pick<Config, 'redisAdapter' | 'pushServer'>,
  dir: string,
): Promise<Store> {
  const { storeDir, storeMaxBytes: maxBytes, lastSeenMs } = pushServer;
  if (redisAdapter !== null) return openRedisStore(locateRedisFiles(redisAdapter, dir), { lastSeenMs });
  const folder = storeDir === undefined ? join(dir, '.gopush', 'store') : resolve(dir, storeDir);
  return openEmbeddedStore(folder, { maxBytes, lastSeenMs });
}
