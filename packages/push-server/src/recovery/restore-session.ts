import type { Position } from '@gopush/contract';
import type { HistoryStore } from '@gopush/store';
import { placeAmongDeliveries } from '../emitted-events/emitted-record.ts';
import { missedByLost, missedByStranded, missedInMigration } from '../emitted-events/missed-events.ts';
import type { Restored } from '../session/restored.ts';
import { decodeSession, type SessionRecord, type SocketRecord } from '../stored-session/session-record.ts';
import { hadOnReturn } from './had-on-return.ts';
import { locate } from './locate.ts';
import { rewind } from './rewind.ts';

/** The parts that a stored session gives back, except how it is stored again. */
export type StoredRestored = Omit<Restored, 'giveBack'>;

/**
 * Restores the session of a client whose node noticed that the connection was lost, and stored it.
 *
 * @param last - the position that the client had last
 * @returns `undefined` if the bytes are no session, or nothing shows what the client has had
 */
export function restoreLost(bytes: Buffer, last: Position | undefined): StoredRestored | undefined {
  const session = decodeSession(bytes);
  const record = session?.sockets[0];
  if (session === undefined || record === undefined) return undefined;
  const { uid, node, at = 0, tail, tailAfter = 0 } = session;
  const stands = placeAmongDeliveries({ emitted: record.emitted, tail, tailAfter, node }, last);
  const positions = rewind({ positions: record.positions, tail, tailAfter, node }, stands);
  if (positions === undefined) return undefined;
  const had = hadOnReturn(session, record, stands);
  const missed = missedByLost(session, record, last);
  return { uid, node, at, record: { ...record, had }, positions, given: [], missed, hasMigrated: false };
}

/**
 * Restores the session of a client whose node has died, and whose agent does not ask for the session either.
 *
 * @param bytes - the copy for a crash
 * @param pid - Socket.IO's private id, by which the client asks
 * @param last - the position that the client had last
 * @returns `undefined` if the bytes are no session of that client
 */
export async function restoreStranded(
  bytes: Buffer,
  pid: string,
  last: Position | undefined,
  history: HistoryStore,
): Promise<StoredRestored | undefined> {
  const session = decodeSession(bytes);
  const record = session?.sockets.find((socket) => socket.pid === pid);
  if (session === undefined || record === undefined) return undefined;
  const { uid, node, at = 0 } = session;
  const positions = await locate(session, record, last, history);
  const had = hadOnReturn(session, record, last);
  const missed = missedByStranded(session, record, last);
  return { uid, node, at, record: { ...record, had }, positions, given: [], missed, hasMigrated: false };
}

/**
 * Restores, for a socket, a session that was taken from another node.
 *
 * @param given - the last positions that its agent has seen go out to the client
 */
export function restoreTaken(session: SessionRecord, record: SocketRecord, given: readonly Position[]): Restored {
  const { uid, node, at = 0 } = session;
  const positions = new Map(record.positions);
  const missed = missedInMigration(session, record, given);
  return { uid, node, at, record, positions, given, missed, hasMigrated: true, giveBack() {} };
}
