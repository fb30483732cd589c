import { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import type { RedisClient } from './redis-client.ts';

/** Connections whose writes are held back until the end of this turn of the event loop. */
const held = new WeakSet<object>();

/**
 * Has all commands of this turn of the event loop leave in one write, after the callbacks that run now. Each write costs more than the command: when
 * many sessions migrate, a turn has hundreds. A cluster has several connections, which are not held back.
 */
export function writeTogether(client: RedisClient): void {
  if (client.isCluster) return;
  const { stream } = client as Redis;
  // A client that has not connected yet has none. In a TLS handshake a late write would hide why it failed.
  if (stream?.constructor !== Socket || held.has(stream)) return;
  held.add(stream);
  stream.cork();
  setImmediate(() => {
    held.delete(stream);
    stream.uncork();
  });
}
