import type { FollowedConnection } from '../follow/followed-connection.ts';
import type { SessionsOfNode } from '../follow/migratable-session.ts';
import { waitUntil } from './wait-until.ts';

/** How long a session may take until it is whole. */
export interface WholeBounds {
  /** For entering its namespaces, in milliseconds. */
  readonly answerMs: number;
  /** The end of the drain, in time of `performance.now()`. */
  readonly by: () => number;
}

/**
 * Resolves when a session can be given: when one that has just come has entered all its namespaces, and has all that
 * was published since it was elsewhere.
 *
 * @returns `false` if its client has gone, or was not admitted in time
 */
export async function whenWhole(
  followed: FollowedConnection,
  sessions: SessionsOfNode,
  { answerMs, by }: WholeBounds,
): Promise<boolean> {
  const { client } = followed;
  const isGone = (): boolean => !followed.isOpen;
  const enterBy = performance.now() + answerMs;
  await waitUntil(
    () => (followed.sockets.size > 0 && client.hasReturned) || isGone(),
    () => Math.min(enterBy, by()),
  );
  const isBeginning = (): boolean => [...followed.sockets.keys()].some((id) => sessions.get(id)?.isBeginning);
  await waitUntil(() => !isBeginning() || isGone(), by);
  return (followed.sockets.size > 0 || !client.hasReturned) && !isGone();
}
