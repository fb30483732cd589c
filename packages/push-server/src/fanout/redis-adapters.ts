import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, type RedisClient } from '@gopush/store';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { containListeners } from './contain-listeners.ts';
import type { AdapterFactory } from './fanout.ts';
import { ignoreRejections } from './ignore-rejections.ts';
import { openStreams } from './redis-streams.ts';
import { watchSharded } from './sharded-watch.ts';

/** The Socket.IO adapter over Redis, with what it needs besides the connections it was given. */
export interface RedisAdapter {
  readonly adapter: AdapterFactory;
  /** Connections of its own, as many as there are by now. */
  clients(): readonly RedisClient[];
  /** Why what others send does not arrive, though there are connections; absent: nothing is known of that. */
  problem?(): string | undefined;
  /** How often its connections were made anew for that. */
  mends?(): number;
  /** Resolves when what others send arrives. */
  ready(): Promise<unknown>;
  /** Ends what the clients do not end by themselves when they are disconnected. */
  close(): void;
}

/** How long other push-servers may take to answer a question, in milliseconds. */
const requestTimeoutMs = 2_000;

/**
 * Opens the adapter that the settings want.
 *
 * @param publisher - fails soon: what waits for Redis would pile up while it is away
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
        adapter: createAdapter(publisher, subscriber, { key: prefix, requestsTimeout: requestTimeoutMs }),
        clients: () => [],
        ready: () => Promise.resolve(),
        close: () => {},
      };
    case 'sharded': {
      const sharded = createRedisClient(config, null, true, true);
      const watch = watchSharded(publisher, sharded);
      // After it: what the adapter is given are promises of the watch.
      const ready = ignoreRejections(sharded);
      containListeners(sharded, log);
      return {
        // Not dynamic: a room of 20 characters would be taken for the id of a socket, and published where nobody listens.
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
