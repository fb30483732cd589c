import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, type RedisClient } from '@gopush/store';
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
  // With a queue: if commands fail at once while Redis is down, the loop that reads would turn without a pause.
  const client = createRedisClient(config, 1);
  addWhenFull(client);
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

/**
 * Adds entries to the stream, which is bounded, even if Redis is full: Redis runs a script to its end if the first write of the script is a
 * deletion. Otherwise events would silently reach only the clients of this push-server.
 */
const add = `
redis.call('XDEL', KEYS[1], '0-0')
return redis.call('XADD', KEYS[1], unpack(ARGV))
`;

/** Has the adapter, which calls `xadd` with a list, run {@link add}. */
function addWhenFull(client: RedisClient): void {
  client.defineCommand('gopush_stream_add', { numberOfKeys: 1, lua: add });
  const { gopush_stream_add: run } = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  if (run === undefined) throw new Error('gopush_stream_add was not defined');
  Object.assign(client, { xadd: (args: readonly unknown[]) => run.apply(client, [...args]) });
}
