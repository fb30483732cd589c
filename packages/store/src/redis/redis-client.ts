import type { RedisConfig } from '@gopush/contract';
import { Cluster, Redis } from 'ioredis';
import { forgivePauses } from './forgive-pauses.ts';

/** A connection to a single Redis, to the master that sentinels watch, or to a cluster. */
export type RedisClient = Redis | Cluster;

/** Longest wait between two attempts to reconnect, in milliseconds. */
const maxRetryMs = 1_000;

/** How long a server may owe an answer until its connection is ended, where commands do not wait, in milliseconds. */
const silenceMs = 1_500;

/**
 * Makes a client that reconnects for ever and connects at once.
 *
 * @param maxRetriesPerRequest - after how many failed attempts to reconnect a waiting command fails; `null`: never
 * @param waiting - whether commands wait for a connection, and are sent again after a lost one; else they fail at once,
 *   and so do those whose server hangs
 * @param sharded - whether it subscribes to channels of sharded pub/sub, which on a cluster have a server each
 */
export function createRedisClient(
  config: RedisConfig,
  maxRetriesPerRequest: number | null,
  waiting = true,
  sharded = false,
): RedisClient {
  const client = connectClient(config, maxRetriesPerRequest, waiting, sharded);
  if (!waiting) forgivePauses(client);
  return client;
}

function connectClient(
  config: RedisConfig,
  maxRetriesPerRequest: number | null,
  waiting: boolean,
  sharded: boolean,
): RedisClient {
  const { username, password, db, tls, sentinels, sentinelName, cluster } = config;
  const retry = (attempt: number): number => Math.min(50 * 2 ** attempt, maxRetryMs);
  const common = {
    maxRetriesPerRequest,
    connectTimeout: 3_000,
    ...(waiting ? {} : { autoResendUnfulfilledCommands: false, socketTimeout: silenceMs }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
  if (cluster !== undefined) {
    return new Cluster([...cluster], {
      redisOptions: common,
      clusterRetryStrategy: retry,
      enableOfflineQueue: waiting,
      shardedSubscribers: sharded,
    });
  }
  const single = { ...common, enableOfflineQueue: waiting, retryStrategy: retry, ...(db === undefined ? {} : { db }) };
  if (sentinels !== undefined) {
    return new Redis({ ...single, sentinels: [...sentinels], name: sentinelName, sentinelRetryStrategy: retry });
  }
  return new Redis({ ...single, host: config.host, port: config.port });
}
