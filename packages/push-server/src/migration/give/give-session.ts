import { giveBack } from '../client/direct-connection.ts';
import { endStream, isFlushed } from '../client/engine-connection.ts';
import type { FollowedConnection } from '../follow/followed-connection.ts';
import type { MigratableSession, SessionsOfNode } from '../follow/migratable-session.ts';
import type { MigrationCounts } from '../follow/migration-counts.ts';
import type { DrainDeadline } from './drain-deadline.ts';
import type { PendingTakes } from './pending-takes.ts';
import type { RunningWork } from './running-work.ts';
import type { Slots } from './slots.ts';
import type { StoppedAhead } from './stopped-ahead.ts';
import { waitUntil } from './wait-until.ts';

/** What giving sessions needs. */
export interface GiveContext {
  readonly sessions: SessionsOfNode;
  readonly slots: Slots;
  readonly ahead: Pick<StoppedAhead<FollowedConnection>, 'ready' | 'leave'>;
  readonly takes: Pick<PendingTakes, 'whenTaken'>;
  readonly work: Pick<RunningWork, 'run'>;
  readonly deadline: Pick<DrainDeadline, 'spareMs'>;
  /** How long handlers may take to ack the requests of a client, in milliseconds. */
  readonly answerMs: number;
  readonly counts: Pick<MigrationCounts, 'notStopped' | 'unanswered'>;
  /** How long one session may occupy a slot, in milliseconds, if all are to have left by a time. */
  readonly shareMs: (by: number) => number;
  /** Ends a session and saves it. @returns `false` if its client has gone */
  readonly end: (followed: FollowedConnection, sessions: readonly MigratableSession[]) => Promise<boolean>;
}

/** How a session is given. */
export interface GiveOrder {
  /** Until when it is to have left, in time of `performance.now()`: that may be put off meanwhile. */
  readonly by: () => number;
  /** Whether its client has stopped. */
  readonly isStopped: boolean;
}

/** How long an agent may take to stop a client once more, in milliseconds. */
export const stopAgainMs = 2_000;

/** How long a connection occupies a slot until it has taken the bytes that were written to it, in milliseconds. */
const flushMs = 20;

/** Gives a session to another push-server, once handlers have acked the requests of its client. */
export async function giveSession(followed: FollowedConnection, order: GiveOrder, context: GiveContext): Promise<void> {
  const { slots, ahead, counts, answerMs, deadline } = context;
  followed.stage = 'leaves';
  if (!order.isStopped) counts.notStopped[followed.whyNotStopped]++;
  const ackBy = performance.now() + answerMs;
  for (;;) {
    const sessions = await whenAcked(followed, () => Math.min(ackBy, order.by() - deadline.spareMs), context);
    ahead.ready(followed, slots.isFull ? slots.waiting : undefined);
    const isDone = await slots.take('resumes', async () => {
      ahead.leave(followed);
      if (mustStopAgain(followed, order, deadline.spareMs)) return false;
      await giveNow(followed, sessions, order.by(), context);
      return true;
    });
    if (isDone) return;
    followed.askToStop();
    await followed.whenStopped(stopAgainMs);
  }
}

/**
 * Whether a client was stopped so long ago that its agent is about to start it again, and there is time to stop it once
 * more.
 */
function mustStopAgain(followed: FollowedConnection, { by, isStopped }: GiveOrder, spareMs: number): boolean {
  return isStopped && !followed.isStopped && followed.isOpen && performance.now() < by() - spareMs;
}

/**
 * Resolves when everything that a client has asked in any namespace is acked, or done if it wants no ack.
 *
 * @returns the sessions of the connection
 */
async function whenAcked(
  { client }: FollowedConnection,
  by: () => number,
  { sessions, counts }: GiveContext,
): Promise<readonly MigratableSession[]> {
  await waitUntil(() => client.openings === 0, by);
  let owed = await client.whenAcked(by() - performance.now());
  // The end of the drain may have been put off meanwhile.
  while (owed > 0 && performance.now() < by()) owed = await client.whenAcked(by() - performance.now());
  counts.unanswered += owed;
  const ofClient = [...client.sockets.keys()].flatMap((id) => sessions.get(id) ?? []);
  await waitUntil(() => !ofClient.some(({ hasRequests }) => hasRequests), by);
  return ofClient;
}

/**
 * Ends a session, and its stream. Resolves when another node has taken it: nodes that take sessions set the pace, or
 * sessions would wait there, with their clients.
 */
async function giveNow(
  followed: FollowedConnection,
  sessions: readonly MigratableSession[],
  by: number,
  { takes, shareMs, end, work }: GiveContext,
): Promise<void> {
  const [first] = sessions;
  // The other node may take it before the stream has ended here.
  const taken = first && takes.whenTaken(first.socket.id, shareMs(by));
  if (!(await end(followed, sessions))) return;
  if (await endStreamSoon(followed, by, work)) await taken;
}

/**
 * Ends the stream of a session that is saved, after all that was written to it.
 *
 * @returns `false` if the connection does not take that at once: then it ends later, in no slot. Also if it could not be given back: no node will take
 * the session from an agent
 */
async function endStreamSoon(followed: FollowedConnection, by: number, work: GiveContext['work']): Promise<boolean> {
  // An agent without CPU time takes long to take a connection back: more would come to it if that one did not count.
  if (await whenFlushed(followed, Math.min(by, performance.now() + flushMs))) return endNow(followed);
  work.run(async () => {
    await whenFlushed(followed, by);
    await endNow(followed);
  });
  return false;
}

/** Waits until a connection has taken all that was written to it. @returns whether it has */
async function whenFlushed({ conn, taken }: FollowedConnection, until: number): Promise<boolean> {
  const by = (): number => until;
  await waitUntil(() => isFlushed(conn), by);
  // What was written in this tick leaves at its end.
  await new Promise((resolve) => setImmediate(resolve));
  const hasLeft = (): boolean => taken === undefined || taken.socket.writableLength === 0 || taken.socket.destroyed;
  await waitUntil(hasLeft, by);
  return isFlushed(conn) && hasLeft();
}

/** @returns whether the session can continue elsewhere */
async function endNow({ conn, client, taken }: FollowedConnection): Promise<boolean> {
  if (taken !== undefined) return giveBack(conn, taken, client.decoder.reconstructor != null);
  endStream(conn);
  return true;
}
