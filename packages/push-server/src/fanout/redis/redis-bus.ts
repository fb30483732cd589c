import { randomBytes } from 'node:crypto';
import type { Logger } from '@gopush/service';
import type { RedisClient } from '@gopush/store';
import type { Bus } from '../../rooms/bus/bus.ts';
import { Following } from '../bus/following.ts';
import { createPings } from '../bus/pings.ts';
import { BucketCounts, bucketOf } from '../bus/room-buckets.ts';
import { Heartbeat } from './heartbeat.ts';

/** How many bytes the name of a node has, which comes before each message. */
const nodeBytes = 12;

/** How long a room that gets its first member waits for its subscription, in milliseconds. */
const followMs = 1_500;

/** How many channels one command subscribes to. */
const channelsAtOnce = 1_000;

/** A bus over Redis. */
export interface RedisBus extends Bus {
  /** What tells whether others are reached. */
  readonly heartbeat: Heartbeat;
  close(): void;
}

/** What a bus over Redis needs. */
export interface RedisBusOptions {
  readonly publisher: RedisClient;
  /** A connection that subscribes. */
  readonly subscriber: RedisClient;
  readonly prefix: string;
  /** `redisAdapter.fanout`. */
  readonly fanout: string;
  /** Ends all connections to Redis, so that they are made anew. */
  readonly reconnect: () => void;
  readonly log: Logger;
}

/**
 * Carries our own messages by Redis pub/sub: a channel for all nodes, one for each, one for the beats of all, and one for each bucket of rooms, to
 * which those nodes subscribe that have members of such a room. So Redis passes a room's messages to nobody else.
 */
export function createRedisBus({ publisher, subscriber, prefix, fanout, reconnect, log }: RedisBusOptions): RedisBus {
  const node = randomBytes(nodeBytes / 2).toString('hex');
  const ownName = Buffer.from(node, 'latin1');
  const all = `${prefix}:bus`;
  const channelOf = (name: string): string => `${all}:${name}`;
  const own = channelOf(node);
  const beats = channelOf('beats:');
  const rooms = channelOf('rooms:');
  const say = (channel: string, payload: Buffer): void => {
    // What cannot be sent now is in the log of its room, and others are told to look there.
    publisher.publish(channel, Buffer.concat([ownName, payload])).catch(() => heartbeat.lost());
  };
  let onMessage: (payload: Buffer) => void = () => {};
  let onGap: () => void = () => {};
  const pings = createPings();
  const heartbeat = new Heartbeat({
    node,
    fanout,
    publish(beat) {
      noticeReplacement();
      say(beats, beat);
    },
    isConnected: () => publisher.status === 'ready' && subscriber.status === 'ready',
    restore,
    reconnect,
    onGap: () => onGap(),
    log,
  });
  subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const name = channel.toString('latin1');
    if (name === beats) {
      heartbeat.hear(message.toString('latin1', 0, nodeBytes), message.subarray(nodeBytes));
      return;
    }
    if (name !== all && name !== own && !name.startsWith(rooms)) return;
    // Redis gives what is published to whoever published it as well; what this node has sent to itself is a ping.
    if (message.subarray(0, nodeBytes).equals(ownName)) {
      if (name === own) pings.heard(message.subarray(nodeBytes));
      return;
    }
    onMessage(message.subarray(nodeBytes));
  });
  let connection = connectionOf(subscriber);

  /** The connection to a Redis Cluster that subscribes is replaced without a word. */
  function noticeReplacement(): void {
    const now = connectionOf(subscriber);
    if (now !== connection) restore();
    connection = now;
  }

  /** Subscribes to all once more, as not even that is known of the connection, and tells of a gap. */
  function restore(): void {
    subscribed.clear();
    subscribeAll().then(() => heartbeat.gap(), nothing);
  }
  const counts = new BucketCounts();
  /** Buckets whose subscription was asked for on a connection that was there. */
  const subscribed = new Set<number>();
  /** Buckets whose subscription is not answered yet. */
  const becoming = new Map<number, Following>();

  /** Only when Redis has answered is nothing more lost: whoever looks into the logs before may miss what comes in between. */
  async function subscribeAll(): Promise<void> {
    const asked: Promise<unknown>[] = [subscriber.subscribe(all, own, beats)];
    const gone = [...subscribed].filter((bucket) => !counts.has(bucket));
    const come = [...counts.keys()].filter((bucket) => !subscribed.has(bucket));
    for (const bucket of gone) subscribed.delete(bucket);
    for (const bucket of come) subscribed.add(bucket);
    for (const some of slices(gone)) asked.push(subscriber.unsubscribe(...some.map((bucket) => rooms + bucket)));
    for (const some of slices(come)) asked.push(subscriber.subscribe(...some.map((bucket) => rooms + bucket)));
    await Promise.all(asked);
  }
  let isFirst = true;
  subscriber.on('ready', () => {
    const mayHaveLost = !isFirst || subscribed.size > 0;
    isFirst = false;
    heartbeat.restarted();
    subscribeAll().then(() => mayHaveLost && heartbeat.gap(), nothing);
  });
  publisher.on('ready', () => heartbeat.lost());
  subscribeAll().catch(nothing);

  function subscribe(bucket: number): Following {
    const following: Following = new Following(followMs, () => {
      if (becoming.get(bucket) === following) becoming.delete(bucket);
    });
    subscribed.add(bucket);
    const done = following.add(true);
    subscriber.subscribe(rooms + bucket).then(done, () => {
      // The connection was lost: one more look into the logs when there is another one.
      heartbeat.doubt();
      done();
    });
    return following;
  }

  return {
    node,
    heartbeat,
    publish: (payload) => say(all, payload),
    publishTo: (room, payload) => say(rooms + bucketOf(room), payload),
    follow(room, onLate) {
      const bucket = bucketOf(room);
      let following = becoming.get(bucket);
      // While Redis is away nothing is asked for: all is when it is back.
      if (counts.add(bucket) && subscriber.status === 'ready') {
        following = subscribe(bucket);
        becoming.set(bucket, following);
        following.begin();
      }
      if (following === undefined) return nothingToDo;
      following.whenLate(onLate);
      return following.known;
    },
    unfollow(room) {
      const bucket = bucketOf(room);
      if (!counts.remove(bucket)) return;
      becoming.delete(bucket);
      if (subscriber.status !== 'ready' || !subscribed.delete(bucket)) return;
      subscriber.unsubscribe(rooms + bucket).catch(() => {});
    },
    send: (to, payload) => say(channelOf(to), payload),
    ping: (heard) => say(own, pings.next(heard)),
    onMessage(listener) {
      onMessage = listener;
    },
    onGap(listener) {
      onGap = listener;
    },
    close: () => heartbeat.close(),
  };
}

function slices(buckets: readonly number[]): number[][] {
  const count = Math.ceil(buckets.length / channelsAtOnce);
  return Array.from({ length: count }, (_, at) => buckets.slice(at * channelsAtOnce, (at + 1) * channelsAtOnce));
}

/** The connection below one to a cluster; `undefined` where there is none, or ioredis keeps it elsewhere. */
function connectionOf(client: RedisClient): unknown {
  const { subscriber } = client as unknown as { subscriber?: { getInstance?(): unknown } };
  return subscriber?.getInstance?.();
}

function nothing(): void {}

const nothingToDo = Promise.resolve();
