import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, type RedisClient } from '@gopush/store';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { containListeners } from '../contain/contain-listeners.ts';
import { ignoreRejections } from '../contain/ignore-rejections.ts';
import { disconnectHereFirst } from './disconnect-here-first.ts';
import type { RedisAdapter } from './redis-adapter.ts';
import { watchSharded } from './sharded-watch.ts';
import { openStreams } from './streams-adapter.ts';

/** How long other push-servers may take to respond to a request, in milliseconds. */
const requestTimeoutMs = 2_000;

/**
 * Opens the adapter of the settings.
 *
 * @param publisher - its commands fail soon: those that wait for Redis would pile up while it is down
 */
export function openRedisAdapter(
  config: RedisConfig,
  publisher: RedisClient,
  subscriber: RedisClient,
  log: Logger,
): RedisAdapter {
  const { prefix, fanout } = config;
  switch (fanout) {
    case 'pubsub':
      return {
        adapter: disconnectHereFirst(
          createAdapter(publisher, subscriber, { key: prefix, requestsTimeout: requestTimeoutMs }),
        ),
        clients: () => [],
        ready: () => Promise.resolve(),
        close: () => {},
      };
    case 'sharded': {
      const sharded = createRedisClient(config, null, true, true);
      const watch = watchSharded(publisher, sharded);
      // After the watch, so that the promises that it returns to the adapter are ignored as well.
      const ready = ignoreRejections(sharded);
      containListeners(sharded, log);
      return {
        // Not dynamic: a room of 20 characters would be taken for the id of a socket, and published to a channel without subscribers.
        adapter: createShardedAdapter(publisher, sharded, {
          channelPrefix: `${prefix}:sharded`,
          subscriptionMode: 'static',
        }),
        clients: () => [sharded],
        problem: watch.problem,
        mends: () => watch.mends,
        ready,
        close: watch.close,
      };
    }
    case 'streams':
      return openStreams(config, log);
  }
}
