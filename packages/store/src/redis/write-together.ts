import { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import type { RedisClient } from './redis-client.ts';

/** Connections whose writes are held back until the end of this turn of the event loop. */
const heldForTurn = new WeakSet<Socket>();

/** Connections whose writes are held back until the microtasks that are queued now have run. */
const heldForMicrotask = new WeakSet<Socket>();

/**
 * Has all commands of this turn of the event loop leave in one write, after the callbacks that run now. Each write costs more than the command: when
 * many sessions migrate, a turn has hundreds.
 */
export function writeTogether(client: RedisClient): void {
  hold(client, heldForTurn, setImmediate);
}

/**
 * Has commands leave in one write that continue the same event, as messages do that were stored together. They have left before the promises of
 * those that sent them are settled: who learns that a message was published may end the process.
 */
export function writeTogetherInMicrotask(client: RedisClient): void {
  hold(client, heldForMicrotask, queueMicrotask);
}

/** Holds back writes. The connections of a cluster, and those with TLS, are not held back. */
function hold(client: RedisClient, held: WeakSet<Socket>, later: (release: () => void) => void): void {
  if (client.isCluster) return;
  const { stream } = client as Redis;
  // A client that has not connected yet has none. In a TLS handshake a late write would hide why it failed.
  if (stream?.constructor !== Socket || held.has(stream)) return;
  held.add(stream);
  stream.cork();
  later(() => {
    held.delete(stream);
    stream.uncork();
  });
}
