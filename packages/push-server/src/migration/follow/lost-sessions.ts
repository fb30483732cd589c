import { pointer } from '../../stored-session/session-pointers.ts';
import type { FollowedConnection } from './followed-connection.ts';

/**
 * Keeps a session for its client.
 *
 * @param held - the expected value in the store while the session is this node's; `undefined`: any value
 * @returns whether it was still this node's
 * @throws StoreError if it could not be kept
 */
export type KeepLost = (held: Buffer | undefined) => Promise<boolean>;

/** Sessions whose connections were lost: each is kept for its client, unless it continues elsewhere. */
export class LostSessions {
  /** The work that is under way for the sessions of a connection. */
  readonly #keeping = new WeakMap<FollowedConnection, readonly Promise<unknown>[]>();

  /**
   * The connection of a session was lost.
   *
   * @param followed - the connection, if it was followed
   * @param pid - Socket.IO's private id of the session
   * @param keep - keeps the session for its client
   * @returns whether it was still this node's
   * @throws StoreError if it could not be kept
   */
  lost(followed: FollowedConnection | undefined, pid: string, keep: KeepLost): Promise<boolean> {
    if (followed === undefined) return keep(undefined);
    const keeping = keep(followed.pointed.has(pid) ? pointer(followed.token) : undefined);
    this.#keeping.set(followed, [...(this.#keeping.get(followed) ?? []), keeping]);
    return keeping;
  }

  /** Resolves when the sessions of a closed connection are kept, or could not be. @returns whether all are kept */
  async kept(followed: FollowedConnection): Promise<boolean> {
    const results = await Promise.allSettled(this.#keeping.get(followed) ?? []);
    this.#keeping.delete(followed);
    return results.every(({ status }) => status === 'fulfilled');
  }
}
