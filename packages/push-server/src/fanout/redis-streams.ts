import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, type RedisClient } from '@gopush/store';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import type { Adapter } from 'socket.io-adapter';
import { contain, containListeners } from './contain-listeners.ts';
import type { AdapterFactory } from './fanout.ts';
import { ignoreRejections } from './ignore-rejections.ts';
import type { RedisAdapter } from './redis-adapters.ts';

/** What the adapter does with connections, and we see of it. */
interface Reader {
  duplicate(): RedisClient;
  xread(...args: unknown[]): Promise<unknown>;
  xrevrange(key: string, from: string, to: string, count: 'COUNT', most: number): Promise<[id: string, unknown][]>;
}

/**
 * Opens the adapter over a Redis stream. It reads in a loop of its own, on connections that it makes of the one it is given: these are
 * caught here, so that they begin at a known place and end with the push-server.
 */
export function openStreams(config: RedisConfig, log: Logger): RedisAdapter {
  const streamName = `${config.prefix}:stream`;
  // With a queue: where commands fail at once while Redis is away, the loop that reads would turn without a pause.
  const client = createRedisClient(config, 1);
  const subscribed = [ignoreRejections(client)];
  const readers: RedisClient[] = [];
  let first: Promise<string> | undefined;
  let closed = false;

  /** The last entry when we came. The adapter would begin with what comes after its first question has arrived. */
  function begin(): Promise<string> {
    first ??= (client as unknown as Reader).xrevrange(streamName, '+', '-', 'COUNT', 1).then(
      ([last]) => last?.[0] ?? '0-0',
      (error: unknown) => {
        first = undefined;
        throw error;
      },
    );
    return first;
  }

  const duplicate = client.duplicate.bind(client) as () => RedisClient;
  Object.assign(client, {
    duplicate() {
      const made = duplicate();
      readers.push(made);
      subscribed.push(ignoreRejections(made));
      containListeners(made, log);
      const xread = (made as unknown as Reader).xread.bind(made);
      Object.assign(made, {
        async xread(...args: unknown[]) {
          // Its loop would go on for ever with a connection that is closed.
          if (closed) return new Promise(() => {});
          return args.at(-1) === '$' ? xread(...args.slice(0, -1), await begin()) : xread(...args);
        },
      });
      return made;
    },
  });
  const createStreamsAdapter = createAdapter(client, {
    streamName,
    channelPrefix: `${config.prefix}:streams`,
    sessionKeyPrefix: `${config.prefix}:streams-session:`,
  });
  // No arrow function: Socket.IO calls it with `new`.
  const adapter: AdapterFactory = function createContainedAdapter(namespace) {
    const created = createStreamsAdapter(namespace) as Adapter & { onRawMessage(...message: unknown[]): void };
    // What it throws its loop takes for a failure of Redis, and reads the same entry again, without end.
    return Object.assign(created, { onRawMessage: contain(created.onRawMessage.bind(created), log) });
  };
  return {
    adapter,
    clients: [client],
    ready: () => Promise.all([begin().catch(() => {}), ...subscribed.map((wait) => wait())]),
    close() {
      closed = true;
      for (const reader of readers) reader.removeAllListeners('close').removeAllListeners('ready').disconnect();
    },
  };
}
