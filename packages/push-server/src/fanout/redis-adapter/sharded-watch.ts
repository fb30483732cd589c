import { randomBytes } from 'node:crypto';
import type { RedisClient } from '@gopush/store';

/** Between two beats, in milliseconds. */
const beatMs = 1_000;

/** How many beats of a channel may be missing until its subscription counts as lost. */
const maxUnheard = 3;

/** How many more may be missing until the connection is reopened once more. */
const retryAfter = 4;

/** Knows whether the channels of sharded pub/sub are subscribed. */
export interface ShardedWatch {
  /** Why some are not subscribed; `undefined`: all are. */
  problem(): string | undefined;
  /** How often the connection was reopened. */
  readonly mends: number;
  close(): void;
}

/**
 * Watches subscriptions of sharded pub/sub. In a Redis Cluster, a subscription ends when its slot moves. A client that asks too early where the
 * slot is now gets the old server, and hears nothing from then on. So this push-server publishes beats to itself, in the slot of each channel.
 */
export function watchSharded(publisher: RedisClient, sharded: RedisClient): ShardedWatch {
  const own = randomBytes(6).toString('hex');
  /** How many beats were sent since the last one that came, by their channels. */
  const unheard = new Map<string, number>();
  let mends = 0;
  const ssubscribe = sharded.ssubscribe.bind(sharded) as (...channels: string[]) => Promise<unknown>;
  const sunsubscribe = sharded.sunsubscribe.bind(sharded) as (...channels: string[]) => Promise<unknown>;
  Object.assign(sharded, {
    async ssubscribe(...channels: string[]) {
      for (const channel of channels) {
        const beats = besides(channel, own);
        unheard.set(beats, 0);
        ssubscribe(beats).catch(() => {});
        await ssubscribe(channel);
      }
    },
    async sunsubscribe(...channels: string[]) {
      for (const channel of channels) {
        const beats = besides(channel, own);
        unheard.delete(beats);
        sunsubscribe(beats).catch(() => {});
        await sunsubscribe(channel);
      }
    },
  });
  sharded.on('smessageBuffer', (channel: Buffer) => {
    const name = channel.toString();
    if (unheard.has(name)) unheard.set(name, 0);
  });
  const worst = (): number => Math.max(0, ...unheard.values());
  const timer = setInterval(() => {
    if (sharded.status !== 'ready' || publisher.status !== 'ready') return;
    const missing = worst() - maxUnheard;
    if (missing >= 0 && missing % retryAfter === 0) {
      mends++;
      sharded.disconnect(true);
    }
    for (const [beats, count] of unheard) {
      unheard.set(beats, count + 1);
      publisher.spublish(beats, '').catch(() => {});
    }
  }, beatMs).unref();
  return {
    problem: () =>
      worst() > maxUnheard ? 'what this push-server publishes in a shard of Redis does not come back to it' : undefined,
    get mends() {
      return mends;
    },
    close: () => clearInterval(timer),
  };
}

/** Another channel in the same slot: that of the part in braces, or of the whole name. */
function besides(channel: string, name: string): string {
  return /\{[^}]+\}/.test(channel) ? `${channel}:${name}` : `{${channel}}:${name}`;
}
