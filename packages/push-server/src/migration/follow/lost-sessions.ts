import type { CrashCopies } from './crash-copies.ts';
import type { FollowedConnection } from './followed-connection.ts';

/** Sessions whose connections were lost: each is kept for its client, unless it continues elsewhere. */
export class LostSessions {
  readonly #copies: Pick<CrashCopies, 'isOursBy'>;
  /** What is being done for the sessions of a connection. */
  readonly #keeping = new WeakMap<FollowedConnection, readonly Promise<unknown>[]>();

  constructor(copies: Pick<CrashCopies, 'isOursBy'>) {
    this.#copies = copies;
  }

  /**
   * The connection of a session was lost.
   *
   * @param followed - the connection, where it was followed
   * @param pid - Socket.IO's private id of the session
   * @param keep - keeps the session for its client
   * @returns whether it was still this node's
   */
  lost(followed: FollowedConnection | undefined, pid: string, keep: () => Promise<void>): Promise<boolean> {
    if (followed === undefined) return keep().then(() => true);
    const keeping = this.#copies.isOursBy(pid, followed).then(async (isOurs) => {
      if (isOurs) await keep();
      return isOurs;
    });
    this.#keeping.set(followed, [...(this.#keeping.get(followed) ?? []), keeping]);
    return keeping;
  }

  /** Resolves when the sessions of a closed connection are kept, or could not be. */
  async kept(followed: FollowedConnection): Promise<void> {
    await Promise.allSettled(this.#keeping.get(followed) ?? []);
    this.#keeping.delete(followed);
  }
}
