import { chosenPong, clientStoppedPong } from '@gopush/contract';
import type { EngineConnection } from '@gopush/slim-socket-io';
import { closeForger } from '../client/direct-connection.ts';
import { onPong, whyBoundHere } from '../client/engine-connection.ts';
import { clientOfConnection, type MigratingClient } from '../client/migrating-client.ts';
import type { CrashCopies } from './crash-copies.ts';
import { FollowedConnection, type Taken } from './followed-connection.ts';
import type { LostSessions } from './lost-sessions.ts';
import type { SessionsOfNode } from './migratable-session.ts';
import type { CannotMigrate } from './migration-counts.ts';
import { savedSoon } from './saved-soon.ts';

/** What following connections needs. */
export interface FollowedConnectionsOptions {
  readonly copies: Pick<CrashCopies, 'save' | 'saveAgain' | 'remove' | 'removeLater'>;
  readonly lost: Pick<LostSessions, 'kept'>;
  readonly sessions: SessionsOfNode;
  /** An agent reports that the client of a connection has stopped. */
  readonly onStopped: (followed: FollowedConnection) => void;
}

/** Reasons of Engine.IO for connections that this node has ended on purpose: no other node is to continue their sessions. */
const endedHere: ReadonlySet<string> = new Set(['forced close', 'parse error']);

/** The connections of this node whose sessions can migrate. */
export class FollowedConnections {
  readonly #options: FollowedConnectionsOptions;
  readonly #all = new Map<EngineConnection, FollowedConnection>();
  #followedEver = 0;

  /** One function for all connections. */
  readonly #onClose: (this: EngineConnection, reason: string) => void;

  constructor(options: FollowedConnectionsOptions) {
    this.#options = options;
    const closed = (conn: EngineConnection, reason: string): void => {
      const followed = this.#all.get(conn);
      if (followed !== undefined) this.#closed(followed, reason);
    };
    this.#onClose = function onClose(reason) {
      closed(this, reason);
    };
  }

  get size(): number {
    return this.#all.size;
  }

  /** How many there have been. */
  get followedEver(): number {
    return this.#followedEver;
  }

  get(conn: object): FollowedConnection | undefined {
    return this.#all.get(conn as EngineConnection);
  }

  /** Why the session of a connection cannot migrate; `undefined`: it can, once an agent has the connection. */
  whyNot(conn: EngineConnection): CannotMigrate | undefined {
    return whyBoundHere(conn) ?? (this.#all.has(conn) ? undefined : 'no agent');
  }

  values(): MapIterator<FollowedConnection> {
    return this.#all.values();
  }

  /** Follows a connection from now on. @param taken - of a session that was taken from another node */
  follow(conn: EngineConnection, token: string, taken?: Taken): FollowedConnection {
    const client = clientOfConnection(conn);
    const followed = new FollowedConnection(conn, token, client, taken);
    if (followed.taken !== undefined) followed.taken.user = followed;
    client.onNamespaces = this.#saveNamespaces;
    this.#all.set(conn, followed);
    if (taken !== undefined) {
      this.#disownUnlessOwn(followed);
      if (taken.isTriedLater !== true) this.tryOut(conn);
    }
    this.#followedEver++;
    onPong(conn, followed, this.#onPong);
    conn.on('close', this.#onClose);
    return followed;
  }

  /** A session that was taken is claimed once its client sends something. */
  tryOut(conn: EngineConnection): void {
    const followed = this.#all.get(conn);
    if (followed?.isClaimed === false) conn.once('packet', () => this.claim(followed));
  }

  #disownUnlessOwn(followed: FollowedConnection): void {
    // Before Socket.IO is notified.
    followed.conn.prependListener('close', () => {
      if (!followed.isOwn) this.#disown(followed);
    });
  }

  /** The client continues here: its session is not to be taken with the token with which it came. */
  claim(followed: FollowedConnection): void {
    if (followed.isClaimed) return;
    followed.isClaimed = true;
    // The record under the token with which it came is removed with that.
    void this.#options.copies.save(followed);
  }

  /**
   * Saves a session again before its copy expires. It is closed if it continues elsewhere, as after this node was
   * unreachable for long.
   */
  async refresh(followed: FollowedConnection): Promise<void> {
    if (await this.#options.copies.saveAgain(followed)) return;
    this.#disown(followed);
    followed.isGone = true;
    followed.conn.close(true);
  }

  /**
   * The session of a connection comes here once more, on another one: this node has not noticed the end of the first. That is closed before the sockets
   * of the next one begin, which have the same ids. Later, its close would take them out of their namespaces and rooms: their client would stay
   * connected, and receive nothing.
   */
  replace(conn: object): void {
    const followed = this.get(conn);
    if (followed?.isGone === false) this.#disown(followed, 'migrated');
    if (followed !== undefined) followed.isGone = true;
    // If an agent has handed its client over, the next connection may be the same one: nothing may be written to it.
    followed?.taken?.socket.destroy();
    (conn as EngineConnection).close(true);
  }

  /** The client continues elsewhere, or not at all: as if its session had never been here. */
  #disown({ conn, client, sockets }: FollowedConnection, how: 'migrated' | 'not taken' = 'not taken'): void {
    client.hasMigrated = true;
    for (const id of sockets.keys()) {
      const session = this.#options.sessions.get(id);
      // It may have come once more, on another connection.
      if ((session?.socket.conn as object | undefined) === conn) session?.end(how);
    }
  }

  #closed(followed: FollowedConnection, reason: string): void {
    const { copies, lost } = this.#options;
    this.#all.delete(followed.conn);
    followed.tellClosed();
    // A session that was only tried may run elsewhere under the same token.
    const isShared = !followed.isOwn && followed.usedToken === undefined;
    if (followed.isGone || isShared) return;
    const tokens = [followed.token];
    // It has not been stored under its own token yet.
    if (followed.isOwn && followed.usedToken !== undefined) tokens.push(followed.usedToken);
    // Not before it is kept for its client: this node may end in between.
    void lost.kept(followed).then((areKept) => {
      for (const token of tokens) {
        if (endedHere.has(reason)) copies.remove(token);
        // Otherwise its client finds nothing but the copy.
        else if (areKept) copies.removeLater(token);
      }
    });
  }

  /** One function for all connections. */
  readonly #onPong = (followed: FollowedConnection, payload: string): void => {
    if (followed.taken !== undefined) {
      // Nothing is between this node and the client.
      if (payload === clientStoppedPong) closeForger(followed.conn);
    } else if (payload === chosenPong) this.claim(followed);
    else if (payload === clientStoppedPong) this.#options.onStopped(followed);
  };

  /** One function for all clients. */
  readonly #saveNamespaces = async ({ conn }: MigratingClient): Promise<void> => {
    const followed = this.get(conn);
    if (followed !== undefined) await savedSoon(this.#options.copies.save(followed));
  };
}
