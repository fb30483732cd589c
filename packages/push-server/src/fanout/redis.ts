import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConfig } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { createRedisClient, followProblems, watchOf } from '@gopush/store';
import { containListeners } from './contain-listeners.ts';
import { Emitters } from './emitters.ts';
import type { Fanout } from './fanout.ts';
import { ignoreRejections } from './ignore-rejections.ts';
import { meetPeers } from './meet-peers.ts';
import { openRedisAdapter } from './redis-adapters.ts';
import { createRedisBus } from './redis-bus.ts';

/** How long a start waits for Redis before it goes on without, in milliseconds. */
const joinMs = 2_000;

/** Between two looks at whether others are reached, in milliseconds. */
const lookMs = 500;

/**
 * Joins push-servers by Redis: our own messages by pub/sub, those of Socket.IO as `redisAdapter.fanout` says. While Redis is away, what is local is served and what is remote is lost; it comes back by
 * itself.
 */
export async function startRedisFanout(config: RedisConfig, log: Logger): Promise<Fanout> {
  // Two connections, as one that subscribes can do nothing else. What is published fails soon; subscriptions wait for ever.
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
  const bus = createRedisBus({ publisher, subscriber, prefix, fanout, reconnect, log });
  const { heartbeat } = bus;
  const clients = [publisher, subscriber, ...opened.clients()];
  const problems = clients.map(followProblems);
  const whyAway = (): string | undefined => problems.map((why) => why()).find((why) => why !== undefined);
  let state: 'up' | 'down' | 'starting' = 'starting';
  let onUp: (() => void) | undefined;

  function problem(): string | undefined {
    if (!clients.every((client) => client.status === 'ready')) return whyAway() ?? 'there is no connection to Redis';
    if (watch?.isAtReplica() === true) {
      return 'the address of Redis leads to a replica, and what is published there reaches nobody else; it wants the master';
    }
    return heartbeat.problem() ?? opened.problem?.();
  }

  function look(): void {
    const found = problem();
    const now = found === undefined ? 'up' : 'down';
    if (now === state) return;
    if (now === 'up') {
      if (state === 'down') log.info('Redis is back: push-servers are joined again');
      onUp?.();
    } else if (state === 'up' || whyAway() !== undefined) {
      log.error(
        { problem: found },
        'Redis cannot be reached, or not the others by it: rooms reach only the clients of this push-server until that is so again',
      );
    } else {
      return;
    }
    state = now;
  }
  for (const client of clients) {
    // Without a listener an error would end the process. What matters is said once, when the state changes.
    client.on('ready', look).on('close', look).on('error', look);
  }
  const looking = setInterval(look, lookMs).unref();
  return {
    kind: 'redis',
    adapter: emitters.serve(opened.adapter),
    onMove: (move) => emitters.onMove(move),
    bus,
    drops: new Map(),
    problem() {
      look();
      return state === 'starting' ? (problem() ?? 'not yet') : problem();
    },
    isJoined: () => state !== 'down',
    counts: () => ({
      gaps: heartbeat.gaps,
      reconnects: { moved: watch?.moves ?? 0, silent: heartbeat.mends + (opened.mends?.() ?? 0) },
      peers: { expected: heartbeat.peers.expected, missing: heartbeat.peers.missing().length },
    }),
    meet: (registry) => meetPeers(registry, bus.node, heartbeat.peers, log),
    async joined() {
      if (state === 'starting' || state === 'down') {
        await new Promise<void>((resolve) => {
          const deadline = setTimeout(resolve, joinMs);
          onUp = () => {
            clearTimeout(deadline);
            resolve();
          };
        });
      }
      onUp = undefined;
      // Connected is not enough: what is published before a subscription is lost.
      if (state !== 'up') return;
      const ready = Promise.all([...subscribed.map((wait) => wait()), opened.ready()]);
      await Promise.race([ready, delay(joinMs, undefined, { ref: false })]);
    },
    async close() {
      clearInterval(looking);
      opened.close();
      bus.close();
      for (const client of clients) client.removeAllListeners('close').removeAllListeners('ready').disconnect();
    },
  };
}
