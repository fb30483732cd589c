import { resolve } from 'node:path';
import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { locateRedisFiles } from '@gopush/store';
import type { Fanout } from './bus/fanout.ts';
import { startEmbeddedFanout } from './mesh/embedded-fanout.ts';
import { meshFolder } from './mesh/mesh-folder.ts';
import { startRedisFanout } from './redis/redis-fanout.ts';

/** Starts the fan-out of the settings: over Redis where there is one, else among the push-servers of this machine. */
export function openFanout(
  { redisAdapter, pushServer, serverPortStart }: Config,
  dir: string,
  log: Logger,
): Promise<Fanout> {
  if (redisAdapter !== null) return startRedisFanout(locateRedisFiles(redisAdapter, dir), log);
  const { fanoutDir } = pushServer;
  return startEmbeddedFanout(fanoutDir === undefined ? meshFolder(dir, serverPortStart) : resolve(dir, fanoutDir), log);
}
