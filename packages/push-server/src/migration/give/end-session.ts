import type { Logger } from '@gopush/service';
import type { SessionStore } from '@gopush/store';
import { encodeSession, type SessionRecord } from '../../stored-session/session-record.ts';
import { ignoreMessages } from '../client/engine-connection.ts';
import type { CrashCopies } from '../follow/crash-copies.ts';
import type { Ended } from '../follow/describe-connection.ts';
import type { FollowedConnection } from '../follow/followed-connection.ts';
import type { MigratableSession } from '../follow/migratable-session.ts';
import type { MigrationCounts } from '../follow/migration-counts.ts';

/** What ending a session needs. */
export interface EndContext {
  readonly store: SessionStore;
  /** How long the session is kept for the node that takes it, in milliseconds. */
  readonly keepMs: number;
  readonly copies: Pick<CrashCopies, 'remove'>;
  readonly describe: (followed: FollowedConnection, ended: Ended) => SessionRecord | undefined;
  readonly counts: MigrationCounts;
  readonly log: Logger;
}

/**
 * Ends a session here and saves it for the node that takes it. From then on messages of its client are dropped.
 *
 * @param sessions - those of its sockets
 * @returns `false` if its client has gone meanwhile
 */
export async function endSession(
  followed: FollowedConnection,
  sessions: readonly MigratableSession[],
  { store, keepMs, copies, describe, counts, log }: EndContext,
): Promise<boolean> {
  if (!followed.isOpen) return false;
  followed.isGone = true;
  await (followed.nextSave ?? followed.saving);
  if (!followed.isOpen) {
    // It has ended like any other.
    copies.remove(followed.token);
    return false;
  }
  followed.client.hasMigrated = true;
  // A client that could not be stopped may still send something.
  ignoreMessages(followed.conn);
  const ended = new Map(sessions.map((session) => [session, session.describe(session.end('migrated'))]));
  const record = describe(followed, ended);
  try {
    if (record !== undefined) await store.save(followed.key, encodeSession(record), keepMs);
    counts.given++;
  } catch (error) {
    counts.failed['not kept']++;
    log.warn({ err: error }, 'a session could not be saved at its end: it continues from the last saved state');
  }
  return true;
}
