import type { IncomingMessage } from 'node:http';
import type { TakenConnection } from '@gopush/hand-off';
import type { Logger } from '@gopush/service';
import type { EngineConnection } from '@gopush/slim-socket-io';
import { forEachLimited } from '../tasks/for-each-limited.ts';
import { joinRuns } from '../tasks/join-runs.ts';
import { refreshEach } from '../tasks/refresh-each.ts';
import { takenOf } from './client/direct-connection.ts';
import type { CrashCopies } from './follow/crash-copies.ts';
import { FollowedConnection } from './follow/followed-connection.ts';
import type { FollowedConnections } from './follow/followed-connections.ts';
import type { KeepLost, LostSessions } from './follow/lost-sessions.ts';
import type { MigratableSession } from './follow/migratable-session.ts';
import type { MigrationCounts } from './follow/migration-counts.ts';
import type { GiveSessions } from './give/give-sessions.ts';
import type { Arrivals } from './take/arrivals.ts';
import type { FirstPings } from './take/first-pings.ts';
import type { Phase } from './take/intercept-takes.ts';

/** The parts of migration. */
export interface MigrationParts {
  readonly arrivals: Arrivals;
  readonly followed: FollowedConnections;
  readonly copies: CrashCopies;
  readonly lost: LostSessions;
  readonly give: GiveSessions;
  readonly counts: MigrationCounts;
  /** Lists all connections of the server. */
  readonly connections: () => readonly EngineConnection[];
  /** Finds one by its id. */
  readonly connectionWith: (id: string) => EngineConnection | undefined;
  /** How long a copy is kept for a crash, in milliseconds. */
  readonly keepMs: number;
  /** For clients that have come from another node. */
  readonly firstPings: FirstPings;
  readonly log: Logger;
}

/** Sessions of this node that migrate to other nodes, and of others that migrate here. */
export class Migration {
  readonly counts: MigrationCounts;
  readonly #parts: MigrationParts;
  readonly #saveAll: () => Promise<void>;
  readonly #stopRefresh: () => void;
  #phase: Phase = 'serving';

  constructor(parts: MigrationParts) {
    const { followed, copies, counts, keepMs } = parts;
    this.#parts = parts;
    this.counts = counts;
    this.#saveAll = joinRuns(() => forEachLimited(followed.values(), (one) => copies.saveAgain(one)));
    // A copy has to outlive its session.
    this.#stopRefresh = refreshEach(
      () => followed.values(),
      keepMs / 2,
      () => followed.size,
      (one) => this.#refresh(one),
    );
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The id of the connection of Engine.IO that a request is about to open. @param generate - makes a new one */
  idOf(request: IncomingMessage, generate: () => string | Promise<string>): Promise<string> {
    const { arrivals, connectionWith } = this.#parts;
    const continued = arrivals.continuedBy(request);
    const older = continued === undefined ? undefined : connectionWith(continued);
    if (older !== undefined) this.replace(older);
    return arrivals.idOf(request, generate);
  }

  /** The session of an open connection continues here on another one: the first is closed. */
  replace(conn: object): void {
    this.#parts.followed.replace(conn);
  }

  /** A connection of Engine.IO is open: a session begins, or continues. */
  opened(conn: EngineConnection): void {
    const { arrivals, followed, firstPings } = this.#parts;
    const arrival = arrivals.arrived(conn.id);
    if (arrival === undefined) {
      if (conn.transport.name === 'polling') this.#followAfterPolling(conn);
      return;
    }
    const { token, taken } = arrival;
    if (taken === undefined) {
      followed.follow(conn, token);
      return;
    }
    this.counts.taken++;
    const { record, usedToken, saved } = taken;
    const isDirect = takenOf(conn) !== undefined;
    // After a crash many come at once, and the next one's client waits: what is noted while this one is stored under the token before is
    // enough to continue it after another crash. A session that was given is stored there with all that its client has had.
    const isTriedLater = isDirect && !record.isExact && usedToken !== undefined && saved === undefined;
    const { client } = followed.follow(conn, token, { uid: record.uid, usedToken, isTriedLater });
    const pingsNow = isDirect && !isTriedLater;
    client.enterAgain(record, saved, pingsNow, () => arrivals.continued(conn.id));
    if (!pingsNow) firstPings.add(conn);
  }

  /** A session that begins with long-polling can migrate once it has changed to WebSocket. */
  #followAfterPolling(conn: EngineConnection): void {
    const { arrivals, followed, copies } = this.#parts;
    conn.once('upgrade', () => {
      const token = arrivals.tokenOfPolling(conn.id);
      if (token !== undefined) void copies.save(followed.follow(conn, token));
    });
    conn.once('close', () => arrivals.tokenOfPolling(conn.id));
  }

  /**
   * The rooms of a session have changed: saves it for a crash. Resolves when that is done, or has failed. One that was taken is saved once it is this
   * node's.
   */
  async save({ socket }: Pick<MigratableSession, 'socket'>): Promise<void> {
    const followed = this.#parts.followed.get(socket.conn);
    if (followed?.isOwn === true) await this.#parts.copies.save(followed);
  }

  /** A session is in its rooms again. Saves it for a crash, unless that is first done when it is claimed. */
  async saveRestored({ socket }: Pick<MigratableSession, 'socket'>): Promise<void> {
    const followed = this.#parts.followed.get(socket.conn);
    if (followed?.isOwn === true && !followed.isStoredLater) await this.#parts.copies.save(followed);
  }

  /** The store may have lost its data: saves all sessions again, a few at a time. */
  saveAll(): void {
    void this.#saveAll();
  }

  /**
   * The connection of a session was lost.
   *
   * @param keep - keeps the session for its client, unless it continues elsewhere
   * @returns whether it was still this node's
   */
  lost({ socket, pid }: Pick<MigratableSession, 'socket' | 'pid'>, keep: KeepLost): Promise<boolean> {
    const { lost, followed } = this.#parts;
    return lost.lost(followed.get(socket.conn), pid, keep);
  }

  /** Another node has taken a session that was given. @param socket - the id of its socket */
  taken(socket: string): void {
    this.#parts.give.taken(socket);
  }

  /** The agent of a client that was handed over wants its session elsewhere. One that cannot migrate stays. */
  leave({ user }: Pick<TakenConnection, 'user'>): void {
    if (user instanceof FollowedConnection) this.#parts.give.wanted(user);
  }

  /**
   * Gives all sessions that can migrate to other nodes; the others stay.
   *
   * @param how - `stays`: this node keeps taking sessions. @defaultValue it does not
   */
  async drain(deadlineMs: number, { stays = false }: { readonly stays?: boolean } = {}): Promise<void> {
    const { followed, give, connections } = this.#parts;
    if (!stays && this.#phase === 'serving') this.#phase = 'draining';
    for (const conn of connections()) {
      const why = followed.whyNot(conn);
      if (why !== undefined) this.counts.failed[why]++;
    }
    await give.drain(deadlineMs, stays);
    if (!stays) this.#phase = 'drained';
  }

  close(): void {
    this.#stopRefresh();
    this.#parts.firstPings.close();
    this.#parts.copies.close();
  }

  #refresh(one: Parameters<FollowedConnections['refresh']>[0]): void {
    const { followed, log } = this.#parts;
    followed.refresh(one).catch((error: unknown) => log.error({ err: error }, 'a session could not be stored again'));
  }
}
