import type { RedisOptions } from 'ioredis';
import { explainRedisError, tellsNothing } from './explain-redis-error.ts';
import type { RedisClient } from './redis-client.ts';

/**
 * Follows the problems of a connection.
 *
 * @returns a function that describes the present problem, and the setting to change; `undefined`: connected, or connecting for the first time
 */
export function followProblems(client: RedisClient): () => string | undefined {
  let problem: string | undefined;
  /** Whether this connection has already reported why it ended. */
  let isReported = false;
  let isReady = false;
  const { options } = client;
  const hasTls = ('redisOptions' in options ? options.redisOptions?.tls : (options as RedisOptions).tls) !== undefined;
  const report = (error: Error): void => {
    isReported = true;
    if (tellsNothing(error.message) && !('lastNodeError' in error)) return;
    // A server that refuses a certificate resets the connection, so its alert may get lost.
    const isRefused = hasTls && !isReady && /ECONNRESET|EPIPE/.test(error.message);
    problem = explainRedisError(isRefused ? `${error.message} in the TLS handshake` : error);
  };
  client
    .on('connect', () => {
      isReported = false;
    })
    .on('ready', () => {
      isReady = true;
      problem = undefined;
    })
    .on('error', report)
    // Of sentinels and nodes of a cluster.
    .on('sentinelError', report)
    .on('node error', report)
    .on('close', () => {
      if (!isReady && !isReported) problem = explainRedisError('Redis closed the connection before it responded');
      isReady = false;
    });
  return () => problem;
}
