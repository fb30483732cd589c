import { randomBytes } from 'node:crypto';
import type { RedisClient } from '@gopush/store';
import type { Bus } from './bus.ts';
import { createPings } from './pings.ts';

/** How many bytes the name of a node has, which comes before each message. */
const nodeBytes = 12;

/**
 * Carries our own messages by Redis pub/sub: a channel for all nodes, and one for each.
 *
 * @param subscriber - a connection that subscribes
 */
export function createRedisBus(publisher: RedisClient, subscriber: RedisClient, prefix: string): Bus {
  const node = randomBytes(nodeBytes / 2).toString('hex');
  const ownName = Buffer.from(node, 'latin1');
  const all = `${prefix}:bus`;
  const channelOf = (name: string): string => `${all}:${name}`;
  const say = (channel: string, payload: Buffer): void => {
    // What cannot be sent now is in the log of its room.
    publisher.publish(channel, Buffer.concat([ownName, payload])).catch(() => {});
  };
  let onMessage: (payload: Buffer) => void = () => {};
  let onGap: () => void = () => {};
  subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const name = channel.toString();
    if (name !== all && name !== channelOf(node)) return;
    // Redis gives what is published to whoever published it as well; what this node has sent to itself is a ping.
    if (message.subarray(0, nodeBytes).equals(ownName)) {
      if (name !== all) pings.heard(message.subarray(nodeBytes));
      return;
    }
    onMessage(message.subarray(nodeBytes));
  });
  const pings = createPings();
  let isFirst = true;
  subscriber.on('ready', () => {
    // Only when Redis has answered is nothing more lost: whoever looks into the logs before may miss what comes in between.
    if (!isFirst) subscribe().then(onGap, () => {});
    isFirst = false;
  });
  const subscribe = (): Promise<unknown> => subscriber.subscribe(all, channelOf(node));
  subscribe().catch(() => {});
  return {
    node,
    publish: (payload) => say(all, payload),
    send: (to, payload) => say(channelOf(to), payload),
    ping: (heard) => say(channelOf(node), pings.next(heard)),
    onMessage(listener) {
      onMessage = listener;
    },
    onGap(listener) {
      onGap = listener;
    },
  };
}
