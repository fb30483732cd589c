import type { Position } from '@gopush/contract';
import type { Missed } from '../emitted-events/missed-events.ts';
import type { SocketRecord } from '../stored-session/session-record.ts';

/**
 * The parts of a stored session that a socket gets back: its client recovered after a lost connection, or the session
 * migrated or failed over to this node.
 */
export interface Restored {
  /** The user: the uid, after the scope of its product. */
  readonly uid: string;
  /** The node that had the session. */
  readonly node: string;
  readonly record: SocketRecord;
  /** When the session was stored, in milliseconds since 1970. */
  readonly at: number;
  readonly positions: ReadonlyMap<string, Position | null>;
  /** The last messages that went out to the client, at most one for each room, if its node no longer knows the positions. */
  readonly given: readonly Position[];
  /** Events of programs that the client has not received; `undefined` if that is not known. */
  readonly missed: Missed | undefined;
  /** Whether an agent kept the client's connection, so that the client was admitted before. */
  readonly hasMigrated: boolean;
  /** Stores the session again, unchanged: the socket did not begin. */
  giveBack(): void;
}
