import { randomBytes } from 'node:crypto';
import type { Logger } from '@gopush/service';
import { type RedisClient, writeTogetherInMicrotask } from '@gopush/store';
import type { Bus } from '../../rooms/bus/bus.ts';
import { Pings } from '../bus/pings.ts';
import { bucketOf } from '../bus/room-buckets.ts';
import { BoundedWaits } from './bounded-waits.ts';
import { Heartbeat } from './heartbeat.ts';
import { RoomSubscriptions } from './room-subscriptions.ts';

/** How many bytes the name of a node has, which comes before each message. */
const nodeBytes = 12;

/** A publisher waits for Redis for one to two of these, in milliseconds. */
const waitStepMs = 1_000;

/** Options of a bus over Redis. */
export interface RedisBusOptions {
  readonly publisher: RedisClient;
  /** A connection that subscribes. */
  readonly subscriber: RedisClient;
  readonly prefix: string;
  /** `redisAdapter.fanout`. */
  readonly fanout: string;
  /** Ends all connections to Redis, so that they are reopened. */
  readonly reconnect: () => void;
  readonly log: Logger;
}

/**
 * A bus over Redis pub/sub. It has a channel for all nodes, one for each node, one for the beats of all, and one for each bucket of rooms.
 * Nodes with members of a room subscribe to its bucket, so Redis passes the messages of a room to no other nodes.
 */
export class RedisBus implements Bus {
  readonly node = randomBytes(nodeBytes / 2).toString('hex');
  /** Tells whether other nodes are reached. */
  readonly heartbeat: Heartbeat;
  readonly #options: RedisBusOptions;
  readonly #ownName = Buffer.from(this.node, 'latin1');
  readonly #all: string;
  readonly #own: string;
  readonly #beats: string;
  readonly #rooms: string;
  readonly #subscriptions: RoomSubscriptions;
  readonly #pings = new Pings();
  /** Of those that have published. */
  readonly #waits = new BoundedWaits();
  /** Not with the beats: those that greet others come within moments. */
  readonly #steps = setInterval(() => this.#waits.step(), waitStepMs).unref();
  #onMessage: (payload: Buffer) => void = () => {};
  #onGap: () => void = () => {};
  /** The connection below the subscriber. */
  #connection: unknown;
  #isFirst = true;

  constructor(options: RedisBusOptions) {
    this.#options = options;
    const { publisher, subscriber, prefix, fanout, reconnect, log } = options;
    this.#all = `${prefix}:bus`;
    this.#own = this.#channelOf(this.node);
    this.#beats = this.#channelOf('beats:');
    this.#rooms = this.#channelOf('rooms:');
    this.heartbeat = new Heartbeat({
      node: this.node,
      fanout,
      publish: (beat) => {
        this.#noticeReplacement();
        void this.#publish(this.#beats, beat);
      },
      isConnected: () => publisher.status === 'ready' && subscriber.status === 'ready',
      restore: () => this.#restore(),
      reconnect,
      onGap: () => this.#onGap(),
      log,
    });
    this.#subscriptions = new RoomSubscriptions({
      subscriber,
      always: [this.#all, this.#own, this.#beats],
      prefix: this.#rooms,
      onDoubt: () => this.heartbeat.doubt(),
    });
    subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => this.#receive(channel, message));
    subscriber.on('ready', () => this.#connected());
    publisher.on('ready', () => this.heartbeat.lost());
    this.#subscriptions.sync().catch(ignore);
  }

  publish(payload: Buffer): Promise<void> {
    return this.#waits.until(this.#publish(this.#all, payload));
  }

  publishTo(room: string, payload: Buffer): Promise<void> {
    writeTogetherInMicrotask(this.#options.publisher);
    return this.#waits.until(this.#publish(this.#rooms + bucketOf(room), payload));
  }

  send(node: string, payload: Buffer): Promise<void> {
    writeTogetherInMicrotask(this.#options.publisher);
    return this.#waits.until(this.#publish(this.#channelOf(node), payload));
  }

  follow(room: string, onLate: () => void): Promise<void> {
    return this.#subscriptions.follow(bucketOf(room), onLate);
  }

  unfollow(room: string): void {
    this.#subscriptions.unfollow(bucketOf(room));
  }

  ping(heard: (ms: number) => void): void {
    void this.#publish(this.#own, this.#pings.next(heard));
  }

  onMessage(listener: (payload: Buffer) => void): void {
    this.#onMessage = listener;
  }

  onGap(listener: () => void): void {
    this.#onGap = listener;
  }

  close(): void {
    this.heartbeat.close();
    clearInterval(this.#steps);
    this.#waits.close();
  }

  #channelOf(name: string): string {
    return `${this.#all}:${name}`;
  }

  /** Resolves when Redis has it. A message that cannot be sent now is in the history of its room, and others are notified to read that. */
  #publish(channel: string, payload: Buffer): Promise<unknown> {
    return this.#options.publisher
      .publish(channel, Buffer.concat([this.#ownName, payload]))
      .catch(() => this.heartbeat.lost());
  }

  #receive(channel: Buffer, message: Buffer): void {
    const name = channel.toString('latin1');
    if (name === this.#beats) {
      this.heartbeat.hear(message.toString('latin1', 0, nodeBytes), message.subarray(nodeBytes));
      return;
    }
    if (name !== this.#all && name !== this.#own && !name.startsWith(this.#rooms)) return;
    // Redis gives a message to its publisher as well. A message of this node to itself is a ping.
    if (message.subarray(0, nodeBytes).equals(this.#ownName)) {
      if (name === this.#own) this.#pings.receive(message.subarray(nodeBytes));
      return;
    }
    this.#onMessage(message.subarray(nodeBytes));
  }

  /** There is a new connection that subscribes. */
  #connected(): void {
    const mayHaveLost = !this.#isFirst || !this.#subscriptions.isEmpty;
    if (this.#isFirst) this.#connection = connectionOf(this.#options.subscriber);
    this.#isFirst = false;
    this.heartbeat.restarted();
    this.#subscriptions.sync().then(() => {
      this.heartbeat.subscribed();
      if (mayHaveLost) this.heartbeat.gap();
    }, ignore);
  }

  /** A connection to a Redis Cluster that subscribes is replaced without an event. */
  #noticeReplacement(): void {
    // The first one replaces none.
    if (this.#isFirst) return;
    const now = connectionOf(this.#options.subscriber);
    if (now !== this.#connection) this.#restore();
    this.#connection = now;
  }

  #restore(): void {
    this.#subscriptions.restore().then(() => this.heartbeat.gap(), ignore);
  }
}

/** The connection below one to a cluster; `undefined` if there is none, or ioredis keeps it elsewhere. */
function connectionOf(client: RedisClient): unknown {
  const { subscriber } = client as unknown as { subscriber?: { getInstance?(): unknown } };
  return subscriber?.getInstance?.();
}

function ignore(): void {}
