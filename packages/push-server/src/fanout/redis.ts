import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, type RedisClient } from '@gopush/store';
import { createAdapter } from '@socket.io/redis-adapter';
import type { Fanout } from './fanout.ts';
import { createRedisBus } from './redis-bus.ts';

/** How long other push-servers may take to answer a question, in milliseconds. */
const requestTimeoutMs = 2_000;

/** How long a start waits for Redis before it goes on without, in milliseconds. */
const joinMs = 2_000;

/**
 * Joins push-servers by Redis pub/sub. While Redis is away, what is local is served and what is remote is lost; it comes back by
 * itself.
 */
export async function startRedisFanout(config: RedisConfig, log: Logger): Promise<Fanout> {
  // Two connections, as one that subscribes can do nothing else. What is published fails soon; subscriptions wait for ever.
  const publisher = createRedisClient(config, 1);
  const subscriber = createRedisClient(config, null);
  const clients = [publisher, subscriber];
  let state: 'up' | 'down' | 'starting' = 'starting';
  let onUp: (() => void) | undefined;

  function look(): void {
    const now = clients.every((client) => client.status === 'ready') ? 'up' : 'down';
    if (now === state) return;
    if (now === 'up') {
      if (state === 'down') log.info('Redis is back: push-servers are joined again');
      onUp?.();
    } else if (state === 'up' || lastError !== undefined) {
      log.error(
        { problem: lastError },
        'Redis cannot be reached: rooms reach only the clients of this push-server until it is back',
      );
    } else {
      return;
    }
    state = now;
  }
  let lastError: string | undefined;
  for (const client of clients) {
    client.on('ready', look).on('close', look);
    // Without a listener an error would end the process. What matters is said once, when the state changes.
    client.on('error', (error: Error) => {
      lastError = error.message;
      look();
    });
  }
  ignoreRejections(publisher);
  const subscribed = ignoreRejections(subscriber);
  const adapter = createAdapter(publisher, subscriber, { key: config.prefix, requestsTimeout: requestTimeoutMs });
  return {
    kind: 'redis',
    adapter,
    bus: createRedisBus(publisher, subscriber, config.prefix),
    state: () => (state === 'up' ? 'up' : 'down'),
    async joined() {
      if (state === 'starting' || state === 'down') {
        await new Promise<void>((resolve) => {
          const deadline = setTimeout(resolve, joinMs);
          onUp = () => {
            clearTimeout(deadline);
            resolve();
          };
        });
      }
      onUp = undefined;
      // Connected is not enough: what is published before a subscription is lost.
      if (state === 'up') await Promise.race([subscribed(), delay(joinMs, undefined, { ref: false })]);
    },
    async close() {
      for (const client of clients) client.removeAllListeners('close').removeAllListeners('ready').disconnect();
    },
  };
}

/**
 * The adapter does not look at the promises of these calls, so that each failing one would be an unhandled rejection, by which
 * Node ends the process.
 *
 * @returns waits for the subscriptions that are under way
 */
function ignoreRejections(client: RedisClient): () => Promise<unknown> {
  const underWay = new Set<Promise<unknown>>();
  for (const method of ['publish', 'subscribe', 'psubscribe', 'unsubscribe', 'punsubscribe'] as const) {
    const call = (client[method] as (...args: unknown[]) => Promise<unknown>).bind(client);
    Object.assign(client, {
      [method]: (...args: unknown[]) => {
        const result = call(...args);
        result.catch(ignore);
        if (method !== 'publish') {
          underWay.add(result);
          void result.catch(ignore).then(() => underWay.delete(result));
        }
        return result;
      },
    });
  }
  return () => Promise.allSettled(underWay);
}

function ignore(): void {}
