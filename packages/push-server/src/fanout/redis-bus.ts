import { randomBytes } from 'node:crypto';
import type { RedisClient } from '@gopush/store';
import type { Bus } from './bus.ts';
import { Following } from './following.ts';
import { createPings } from './pings.ts';
import { BucketCounts, bucketOf } from './room-buckets.ts';

/** How many bytes the name of a node has, which comes before each message. */
const nodeBytes = 12;

/** How long a room that gets its first member waits for its subscription, in milliseconds. */
const followMs = 1_500;

/** Between two signs of life that a node sends to itself, in milliseconds. */
const beatMs = 1_000;

/** How many of them may be under way. */
const maxUnheard = 3;

/** How many channels one command subscribes to. */
const channelsAtOnce = 1_000;

/**
 * Carries our own messages by Redis pub/sub: a channel for all nodes, one for each, and one for each bucket of rooms, to which those nodes
 * subscribe that have members of such a room. So Redis passes a room's messages to nobody else.
 *
 * Each node counts what it sends to itself: where some of that is missing, messages of others may be as well. And the connection to a Redis
 * Cluster that subscribes is replaced without a word.
 *
 * @param subscriber - a connection that subscribes
 */
export function createRedisBus(
  publisher: RedisClient,
  subscriber: RedisClient,
  prefix: string,
): Bus & { close(): void } {
  const node = randomBytes(nodeBytes / 2).toString('hex');
  const ownName = Buffer.from(node, 'latin1');
  const all = `${prefix}:bus`;
  const channelOf = (name: string): string => `${all}:${name}`;
  const own = channelOf(node);
  const rooms = channelOf('rooms:');
  const say = (channel: string, payload: Buffer): void => {
    // What cannot be sent now is in the log of its room.
    publisher.publish(channel, Buffer.concat([ownName, payload])).catch(() => {});
  };
  let onMessage: (payload: Buffer) => void = () => {};
  let onGap: () => void = () => {};
  subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const name = channel.toString('latin1');
    if (name !== all && name !== own && !name.startsWith(rooms)) return;
    // Redis gives what is published to whoever published it as well; what this node has sent to itself is a ping.
    if (message.subarray(0, nodeBytes).equals(ownName)) {
      if (name === own) hearOwn(message.subarray(nodeBytes));
      return;
    }
    onMessage(message.subarray(nodeBytes));
  });
  const pings = createPings();
  /** Beats that this node has sent to itself, and the last one that came. */
  let sent = 0;
  let heard = 0;
  let connection = connectionOf(subscriber);
  const beats = setInterval(() => {
    const now = connectionOf(subscriber);
    const isSilent = subscriber.status === 'ready' && sent - heard > maxUnheard;
    if (now !== connection || isSilent) restore();
    connection = now;
    say(own, writeBeat(++sent));
  }, beatMs).unref();

  function hearOwn(payload: Buffer): void {
    const beat = readBeat(payload);
    if (beat === undefined) {
      pings.heard(payload);
      return;
    }
    const isLost = beat > heard + 1;
    heard = beat;
    if (isLost) restore();
  }

  /** Subscribes to all once more, as not even that is known of the connection, and tells of a gap. */
  function restore(): void {
    heard = sent;
    subscribed.clear();
    subscribeAll().then(onGap, nothing);
  }
  const counts = new BucketCounts();
  /** Buckets whose subscription was asked for on a connection that was there. */
  const subscribed = new Set<number>();
  /** Buckets whose subscription is not answered yet. */
  const becoming = new Map<number, Following>();

  /** Only when Redis has answered is nothing more lost: whoever looks into the logs before may miss what comes in between. */
  async function subscribeAll(): Promise<void> {
    const asked: Promise<unknown>[] = [subscriber.subscribe(all, own)];
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
    heard = sent;
    subscribeAll().then(() => mayHaveLost && onGap(), nothing);
  });
  subscribeAll().catch(nothing);

  function subscribe(bucket: number): Following {
    const following: Following = new Following(followMs, () => {
      if (becoming.get(bucket) === following) becoming.delete(bucket);
    });
    subscribed.add(bucket);
    const done = following.add(true);
    subscriber.subscribe(rooms + bucket).then(done, () => {
      // The connection was lost: one more look into the logs when there is another one.
      heard = -1;
      done();
    });
    return following;
  }

  return {
    node,
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
    close: () => clearInterval(beats),
  };
}

function slices(buckets: readonly number[]): number[][] {
  const count = Math.ceil(buckets.length / channelsAtOnce);
  return Array.from({ length: count }, (_, at) => buckets.slice(at * channelsAtOnce, (at + 1) * channelsAtOnce));
}

/** Longer than a ping. */
const beatBytes = 8;

/** The connection below one to a cluster; `undefined` where there is none, or ioredis keeps it elsewhere. */
function connectionOf(client: RedisClient): unknown {
  const { subscriber } = client as unknown as { subscriber?: { getInstance?(): unknown } };
  return subscriber?.getInstance?.();
}

function writeBeat(count: number): Buffer {
  const beat = Buffer.alloc(beatBytes);
  beat.writeDoubleBE(count);
  return beat;
}

function readBeat(payload: Buffer): number | undefined {
  return payload.length === beatBytes ? payload.readDoubleBE() : undefined;
}

function nothing(): void {}

const nothingToDo = Promise.resolve();
