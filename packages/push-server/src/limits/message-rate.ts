import { createTokenBucket } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { AckFunction } from '../refuse.ts';
import { ackOf } from '../refuse.ts';

/** After so many seconds' worth of refused messages, without a pause long enough to make up for them, a client is sent away. */
const patienceSeconds = 5;

/** What becomes of messages beyond the rate. */
export interface RateEvents {
  onRefused(ack: AckFunction | undefined): void;
  /** It goes on and on. */
  onPersistent(): void;
}

/**
 * Lets a connection say so much a second. Must be its first middleware: what it refuses no other one sees.
 *
 * @param perSecond - 0: no limit
 */
export function limitMessages(socket: Socket, perSecond: number, events: RateEvents): void {
  if (perSecond === 0) return;
  const bucket = createTokenBucket(perSecond, performance.now());
  let refused = 0;
  socket.use(([, ...args], next) => {
    const now = performance.now();
    if (bucket.isFull(now)) refused = 0;
    if (bucket.take(now)) {
      next();
      return;
    }
    refused++;
    events.onRefused(ackOf(args));
    if (refused > perSecond * patienceSeconds) events.onPersistent();
  });
}
