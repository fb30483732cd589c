import { createConfig } from 'gopush';
import { Cluster, Redis } from 'ioredis';

/** Opens the Redis of an address in each form that gopush reads: one server, Sentinel or a Cluster, with or without TLS. */
export function openRedis(address: string) {
  const { redisAdapter } = createConfig({ redisAdapter: address });
  if (!redisAdapter) throw new Error('wanted the address of a Redis');
  const { cluster, sentinels, sentinelName, sentinelPassword, ...one } = redisAdapter;
  const { host, port, username, password, db } = one;
  const tls = one.tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {};
  const redisOptions = { username, password, commandTimeout: 3_000, maxRetriesPerRequest: 1, ...tls };
  const where = sentinels ? { sentinels: [...sentinels], name: sentinelName, sentinelPassword } : { host, port };
  const redis = cluster ? new Cluster([...cluster], { redisOptions }) : new Redis({ ...redisOptions, ...where, db });
  // It reconnects by itself, and gopush logs that Redis is away; meanwhile calls reject.
  redis.on('error', () => {});
  return redis;
}

/** Rejects as the call to Redis that failed, with the status for the client: it may try again. */
export const tryLater = (error: Error) => {
  throw Object.assign(error, { status: 503 });
};
