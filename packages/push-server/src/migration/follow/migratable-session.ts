import type { Position } from '@gopush/contract';
import type { Socket } from 'socket.io';
import type { SocketRecord } from '../../stored-session/session-record.ts';

/** Positions in rooms; `null` if a room keeps no history. */
type Positions = ReadonlyMap<string, Position | null>;

/** What migration needs of the session of one socket. */
export interface MigratableSession {
  readonly socket: Pick<Socket, 'id' | 'conn'>;
  /** Socket.IO's private id. */
  readonly pid: string;
  /** The uid, after the scope of its product. */
  readonly user: string;
  /** Whether the session is about to begin: it has not been given all that it missed. */
  readonly isBeginning: boolean;
  /**
   * Whether requests of the client are under way, or wait: with its connection they would end, and the client would
   * notice it only of those with an ack.
   */
  readonly hasRequests: boolean;
  /** The positions that the client had reached for certain, even if this node's work is lost. */
  readonly joined: Positions;
  /** The positions up to which messages were written to the client. */
  readonly positions: Positions;
  readonly inbox: { readonly acknowledged: number };
  /**
   * The session as it is stored.
   *
   * @param inboxAfter - the position in its inbox.
   * @defaultValue up to where it was given
   * @param live - what is kept besides in a copy for a crash
   */
  describe(positions: Positions, inboxAfter?: number, live?: Pick<SocketRecord, 'reached' | 'answer'>): SocketRecord;
  /**
   * Ends the session on this node.
   *
   * @param how - `migrated`: it continues elsewhere; `not taken`: it continues elsewhere, and this node only tried to
   * take it
   * @returns its positions at the end
   */
  end(how: 'migrated' | 'not taken'): Positions;
}

/** The sessions of this node. */
export interface SessionsOfNode {
  /** @param socket - the id of its socket */
  get(socket: string): MigratableSession | undefined;
}
