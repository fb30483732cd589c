import { resolve } from 'node:path';
import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { locateRedisFiles } from '@gopush/store';
import type { Fanout } from './bus/fanout.ts';
import { meshFolder } from './mesh/mesh-folder.ts';

/**
 * Starts the fan-out of the settings: over Redis if there is one, else among the push-servers of this machine. The
 * code of the other one is not loaded.
 */
export async function openFanout(
  { redisAdapter, pushServer, serverPortStart }: Config,
  dir: string,
  log: Logger,
): Promise<Fanout> {
  if (redisAdapter !== null) {
    const { startRedisFanout } = await import('./redis/redis-fanout.ts');
    return startRedisFanout(locateRedisFiles(redisAdapter, dir), log);
  }
  const { startEmbeddedFanout } = await import('./mesh/embedded-fanout.ts');
  const { fanoutDir } = pushServer;
  return startEmbeddedFanout(fanoutDir === undefined ? meshFolder(dir, serverPortStart) : resolve(dir, fanoutDir), log);
}
