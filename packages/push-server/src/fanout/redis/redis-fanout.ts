import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, watchOf } from '@gopush/store';
import type { Fanout } from '../bus/fanout.ts';
import { containListeners } from '../contain/contain-listeners.ts';
import { ignoreRejections } from '../contain/ignore-rejections.ts';
import { Emitters } from '../emitters/emitters.ts';
import { openRedisAdapter } from '../redis-adapter/open-redis-adapter.ts';
import { Joining } from './joining.ts';
import { meetPeers } from './meet-peers.ts';
import { RedisBus } from './redis-bus.ts';

/** How long a start waits for subscriptions, in milliseconds. */
const joinMs = 2_000;

/**
 * Joins push-servers by Redis: messages of rooms by pub/sub, those of Socket.IO as set by `redisAdapter.fanout`. While Redis is down, clients of
 * this push-server are served, and messages to others are lost. The connections come back by themselves.
 */
export async function startRedisFanout(config: RedisConfig, log: Logger): Promise<Fanout> {
  // Two connections: one that subscribes can do nothing else. Publishing fails soon; subscriptions wait for ever.
  const publisher = createRedisClient(config, 1);
  const subscriber = createRedisClient(config, null);
  const subscribed = [ignoreRejections(publisher), ignoreRejections(subscriber)];
  const emitters = new Emitters({ subscriber, prefix: config.prefix, isSubscribed: config.fanout === 'pubsub', log });
  containListeners(subscriber, log, (channel, message) => emitters.isTheirs(channel, message));
  const opened = openRedisAdapter(config, publisher, subscriber, log);
  const watch = watchOf(config);
  const { prefix, fanout } = config;
  const reconnect = (): void => {
    watch?.suspect();
    for (const client of [publisher, subscriber, ...opened.clients()]) client.disconnect(true);
  };
  const bus = new RedisBus({ publisher, subscriber, prefix, fanout, reconnect, log });
  const { heartbeat } = bus;
  const clients = [publisher, subscriber, ...opened.clients()];
  const joining = new Joining({
    clients,
    watch,
    problemOfBus: () => heartbeat.problem() ?? opened.problem?.(),
    log,
  });
  return {
    kind: 'redis',
    adapter: emitters.serve(opened.adapter),
    onMove: (move) => emitters.onMove(move),
    bus,
    drops: new Map(),
    problem: () => joining.problem(),
    isJoined: () => joining.isJoined(),
    counts: () => ({
      gaps: heartbeat.gaps,
      reconnects: { moved: watch?.moves ?? 0, silent: heartbeat.mends + (opened.mends?.() ?? 0) },
      peers: { expected: heartbeat.peers.expected, missing: heartbeat.peers.missing().length },
    }),
    meet: (registry) => meetPeers(registry, bus.node, heartbeat.peers, log),
    async joined() {
      // Connected is not enough: messages that are published before a subscription are lost.
      if (!(await joining.connected())) return;
      const ready = Promise.all([...subscribed.map((wait) => wait()), opened.ready()]);
      await Promise.race([ready, delay(joinMs, undefined, { ref: false })]);
    },
    async close() {
      joining.close();
      opened.close();
      bus.close();
      for (const client of clients) client.removeAllListeners('close').removeAllListeners('ready').disconnect();
    },
  };
}
