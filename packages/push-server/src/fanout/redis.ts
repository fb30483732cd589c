import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient } from '@gopush/store';
import { containListeners } from './contain-listeners.ts';
import type { Fanout } from './fanout.ts';
import { ignoreRejections } from './ignore-rejections.ts';
import { openRedisAdapter } from './redis-adapters.ts';
import { createRedisBus } from './redis-bus.ts';

/** How long a start waits for Redis before it goes on without, in milliseconds. */
const joinMs = 2_000;

/**
 * Joins push-servers by Redis: our own messages by pub/sub, those of Socket.IO as `redisAdapter.fanout` says. While Redis is away, what is local is served and what is remote is lost; it comes back by
 * itself.
 */
export async function startRedisFanout(config: RedisConfig, log: Logger): Promise<Fanout> {
  // Two connections, as one that subscribes can do nothing else. What is published fails soon; subscriptions wait for ever.
  const publisher = createRedisClient(config, 1);
  const subscriber = createRedisClient(config, null);
  const subscribed = [ignoreRejections(publisher), ignoreRejections(subscriber)];
  containListeners(subscriber, log);
  const opened = openRedisAdapter(config, publisher, subscriber, log);
  const bus = createRedisBus(publisher, subscriber, config.prefix);
  const clients = [publisher, subscriber, ...opened.clients];
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
  return {
    kind: 'redis',
    adapter: opened.adapter,
    bus,
    drops: new Map(),
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
      if (state !== 'up') return;
      const ready = Promise.all([...subscribed.map((wait) => wait()), opened.ready()]);
      await Promise.race([ready, delay(joinMs, undefined, { ref: false })]);
    },
    async close() {
      opened.close();
      bus.close();
      for (const client of clients) client.removeAllListeners('close').removeAllListeners('ready').disconnect();
    },
  };
}
