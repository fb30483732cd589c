import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { type RedisClient, watchOf } from '@gopush/store';
import { containListeners } from '../contain/contain-listeners.ts';
import { ignoreRejections } from '../contain/ignore-rejections.ts';
import { followReplacements } from './stream-position.ts';

/** The calls of a Redis client by which the adapter reads a stream. */
interface Reader {
  duplicate(): RedisClient;
  xread(...args: unknown[]): Promise<unknown>;
  xrevrange(key: string, from: string, to: string, count: 'COUNT', most: number): Promise<[id: string, unknown][]>;
}

/**
 * The connections on which the adapter over a stream reads. It makes them of the one that it is given, and reads in a loop of its own. Here
 * they are caught, so that they begin at a known position and end with the push-server.
 */
export class StreamReaders {
  /** The readers, as many as there are by now. */
  readonly clients: RedisClient[] = [];
  readonly #client: RedisClient;
  readonly #streamName: string;
  readonly #config: RedisConfig;
  readonly #log: Logger;
  readonly #subscribed: (() => Promise<unknown>)[];
  #first: Promise<string> | undefined;
  #isClosed = false;

  /** @param client - the connection that the adapter is given; its `duplicate` is replaced */
  constructor(client: RedisClient, streamName: string, config: RedisConfig, log: Logger) {
    this.#client = client;
    this.#streamName = streamName;
    this.#config = config;
    this.#log = log;
    this.#subscribed = [ignoreRejections(client)];
    const duplicate = client.duplicate.bind(client) as () => RedisClient;
    Object.assign(client, { duplicate: () => this.#add(duplicate()) });
  }

  /** Resolves when what others send arrives. */
  ready(): Promise<unknown> {
    return Promise.all([this.#begin().catch(() => {}), ...this.#subscribed.map((wait) => wait())]);
  }

  /** Ends the readers. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.clients) reader.removeAllListeners('close').removeAllListeners('ready').disconnect();
  }

  #add(reader: RedisClient): RedisClient {
    this.clients.push(reader);
    watchOf(this.#config)?.add(reader);
    this.#subscribed.push(ignoreRejections(reader));
    containListeners(reader, this.#log);
    const correct = followReplacements(reader, () => this.#lastEntry());
    const xread = (reader as unknown as Reader).xread.bind(reader);
    Object.assign(reader, {
      xread: async (...args: unknown[]) => {
        // On a closed connection the loop of the adapter would never end.
        if (this.#isClosed) return new Promise(() => {});
        const after = String(args.at(-1));
        const position = after === '$' ? await this.#begin() : await correct(after);
        return xread(...args.slice(0, -1), position);
      },
    });
    return reader;
  }

  /** The last entry when this push-server came. The adapter would begin with what comes after its first question has arrived. */
  #begin(): Promise<string> {
    this.#first ??= this.#lastEntry().catch((error: unknown) => {
      this.#first = undefined;
      throw error;
    });
    return this.#first;
  }

  async #lastEntry(): Promise<string> {
    const [last] = await (this.#client as unknown as Reader).xrevrange(this.#streamName, '+', '-', 'COUNT', 1);
    return last?.[0] ?? '0-0';
  }
}
