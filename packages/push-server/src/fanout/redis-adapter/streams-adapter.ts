import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, type RedisClient, watchOf } from '@gopush/store';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import type { Adapter } from 'socket.io-adapter';
import type { AdapterFactory } from '../adapter/adapter-factory.ts';
import { contain } from '../contain/contain.ts';
import { containListeners } from '../contain/contain-listeners.ts';
import { ignoreRejections } from '../contain/ignore-rejections.ts';
import type { RedisAdapter } from './redis-adapter.ts';

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
    first ??= lastEntry().catch((error: unknown) => {
      first = undefined;
      throw error;
    });
    return first;
  }

  async function lastEntry(): Promise<string> {
    const [last] = await (client as unknown as Reader).xrevrange(streamName, '+', '-', 'COUNT', 1);
    return last?.[0] ?? '0-0';
  }

  const duplicate = client.duplicate.bind(client) as () => RedisClient;
  Object.assign(client, {
    duplicate() {
      const made = duplicate();
      readers.push(made);
      watchOf(config)?.add(made);
      subscribed.push(ignoreRejections(made));
      containListeners(made, log);
      const replaced = followReplacements(made, lastEntry);
      const xread = (made as unknown as Reader).xread.bind(made);
      Object.assign(made, {
        async xread(...args: unknown[]) {
          // Its loop would go on for ever with a connection that is closed.
          if (closed) return new Promise(() => {});
          const after = String(args.at(-1));
          const place = after === '$' ? await begin() : await replaced(after);
          return xread(...args.slice(0, -1), place);
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
    clients: () => [client, ...readers],
    ready: () => Promise.all([begin().catch(() => {}), ...subscribed.map((wait) => wait())]),
    close() {
      closed = true;
      for (const reader of readers) reader.removeAllListeners('close').removeAllListeners('ready').disconnect();
    },
  };
}

/**
 * Takes a place in the stream to one that the server has, after each new connection: another server, or the same one started anew, may be behind
 * the place where this one was, and would give nothing until its clock has passed that.
 */
function followReplacements(reader: RedisClient, lastEntry: () => Promise<string>): (after: string) => Promise<string> {
  let mayBeBehind = false;
  let instead: { readonly of: string; readonly place: string } | undefined;
  let isFirst = true;
  reader.on('ready', () => {
    mayBeBehind = !isFirst;
    isFirst = false;
  });
  return async (after) => {
    if (mayBeBehind) {
      const last = await lastEntry();
      mayBeBehind = false;
      instead = isBefore(last, after) ? { of: after, place: last } : undefined;
    }
    return instead?.of === after ? instead.place : after;
  };
}

/** Whether one id of a stream, `<milliseconds>-<number>`, comes before another. */
function isBefore(one: string, other: string): boolean {
  const [[time = 0, count = 0], [otherTime = 0, otherCount = 0]] = [one, other].map((id) =>
    id.split('-').map(Number),
  ) as [number[], number[]];
  return time < otherTime || (time === otherTime && count < otherCount);
}
