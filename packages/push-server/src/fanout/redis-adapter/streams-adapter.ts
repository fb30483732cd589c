import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient } from '@gopush/store';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import type { Adapter } from 'socket.io-adapter';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import { contain } from '../contain/contain.ts';
import type { RedisAdapter } from './redis-adapter.ts';
import { StreamReaders } from './stream-readers.ts';

/** Opens the adapter over a Redis stream. */
export function openStreams(config: RedisConfig, log: Logger): RedisAdapter {
  const { prefix } = config;
  const streamName = `${prefix}:stream`;
  // With a queue: where commands fail at once while Redis is away, the loop that reads would turn without a pause.
  const client = createRedisClient(config, 1);
  const readers = new StreamReaders(client, streamName, config, log);
  const createStreamsAdapter = createAdapter(client, {
    streamName,
    channelPrefix: `${prefix}:streams`,
    sessionKeyPrefix: `${prefix}:streams-session:`,
  });
  // No arrow function: Socket.IO calls it with `new`.
  const adapter: AdapterFactory = function createContainedAdapter(namespace) {
    const created = createStreamsAdapter(namespace) as Adapter & { onRawMessage(...message: unknown[]): void };
    // The loop takes an error of this for a failure of Redis, and reads the same entry again, without end.
    return Object.assign(created, { onRawMessage: contain(created.onRawMessage.bind(created), log) });
  };
  return {
    adapter,
    clients: () => [client, ...readers.clients],
    ready: () => readers.ready(),
    close: () => readers.close(),
  };
}
