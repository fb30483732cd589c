import type { RedisClient } from '@gopush/store';
import { type BucketAnnouncer, BucketFollows } from '../bus/bucket-follows.ts';
import type { Following } from '../bus/following.ts';

/** How long a room that gets its first member waits for its subscription, in milliseconds. */
const followMs = 1_500;

/** How many channels one command subscribes to. */
const channelsAtOnce = 1_000;

/** Options of the subscriptions of a node. */
export interface RoomSubscriptionsOptions {
  /** A connection that subscribes. */
  readonly subscriber: RedisClient;
  /** Channels that are always subscribed to. */
  readonly always: readonly string[];
  /** The channel of a bucket is this and its number. */
  readonly prefix: string;
  /** A subscription may not be there: once the connection is back, all rooms have to read their histories. */
  readonly onDoubt: () => void;
}

/** The subscriptions of a node in Redis: some channels, and one for each bucket of rooms that has members here. */
export class RoomSubscriptions implements BucketAnnouncer {
  readonly #options: RoomSubscriptionsOptions;
  readonly #follows = new BucketFollows(this, followMs);
  /** Buckets whose subscription was asked for on a connection that was there. */
  readonly #subscribed = new Set<number>();

  constructor(options: RoomSubscriptionsOptions) {
    this.#options = options;
  }

  /** Whether any bucket is subscribed to. */
  get isEmpty(): boolean {
    return this.#subscribed.size === 0;
  }

  /** See {@link BucketFollows.follow}. */
  follow(bucket: number, onLate: () => void): Promise<void> {
    return this.#follows.follow(bucket, onLate);
  }

  unfollow(bucket: number): void {
    const { subscriber, prefix } = this.#options;
    if (!this.#follows.unfollow(bucket)) return;
    if (subscriber.status !== 'ready' || !this.#subscribed.delete(bucket)) return;
    subscriber.unsubscribe(prefix + bucket).catch(() => {});
  }

  begin(): boolean {
    // While Redis is down nothing is asked for: everything is when it is back.
    return this.#options.subscriber.status === 'ready';
  }

  announce(bucket: number, following: Following): void {
    const { subscriber, prefix, onDoubt } = this.#options;
    this.#subscribed.add(bucket);
    const done = following.add(true);
    subscriber.subscribe(prefix + bucket).then(done, () => {
      // The connection was lost: rooms read their histories once more when there is another one.
      onDoubt();
      done();
    });
  }

  /**
   * Subscribes to everything that is not subscribed to yet, and unsubscribes the rest. Messages may be lost until this has resolved: a room that
   * reads its history before may miss what comes in between.
   */
  async sync(): Promise<void> {
    const { subscriber, always, prefix } = this.#options;
    const asked: Promise<unknown>[] = [subscriber.subscribe(...always)];
    const gone = [...this.#subscribed].filter((bucket) => !this.#follows.has(bucket));
    const come = [...this.#follows.keys()].filter((bucket) => !this.#subscribed.has(bucket));
    for (const bucket of gone) this.#subscribed.delete(bucket);
    for (const bucket of come) this.#subscribed.add(bucket);
    for (const some of slices(gone)) asked.push(subscriber.unsubscribe(...some.map((bucket) => prefix + bucket)));
    for (const some of slices(come)) asked.push(subscriber.subscribe(...some.map((bucket) => prefix + bucket)));
    await Promise.all(asked);
  }

  /** Subscribes to everything once more: not even the subscriptions of the connection are known. */
  async restore(): Promise<void> {
    this.#subscribed.clear();
    await this.sync();
  }
}

function slices(buckets: readonly number[]): number[][] {
  const count = Math.ceil(buckets.length / channelsAtOnce);
  return Array.from({ length: count }, (_, at) => buckets.slice(at * channelsAtOnce, (at + 1) * channelsAtOnce));
}
