import { stopClientPing } from '@gopush/contract';
import type { TakenConnection } from '@gopush/hand-off';
import type { EngineConnection } from '@gopush/slim-socket-io';
import { SmallSet } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import { keyOfToken } from '../../stored-session/session-pointers.ts';
import { readOn, stopReading, takenOf } from '../client/direct-connection.ts';
import { isMidMessage, sendPing } from '../client/engine-connection.ts';
import type { MigratingClient } from '../client/migrating-client.ts';

/** Why the client of a connection has not stopped: it is within an event, or its agent does not respond. */
export type NotStopped = 'mid-event' | 'silent';

/**
 * How long a client counts as stopped, in milliseconds. Its agent starts it again 15 s after the last request
 * (docs/protocol.md, "Bounds").
 */
const stoppedMs = 10_000;

/** Interval between checks of a client that is within an event, in milliseconds. */
const lookMs = 5;

/** How the token of a session that was taken came about. */
export interface Taken {
  /** The user of the session. */
  readonly uid: string;
  /** The token with which its agent came; `undefined` if the session keeps that one. */
  readonly usedToken: string | undefined;
  /** Whether it is tried out later ({@link FollowedConnections.tryOut}): its client is to be sent its first ping when no more sessions come. */
  readonly isTriedLater?: boolean;
}

/** A connection whose session can migrate. */
export class FollowedConnection {
  readonly token: string;
  readonly conn: EngineConnection;
  /** The same connection as Socket.IO sees it. */
  readonly client: MigratingClient;
  /** The connection of its client itself; `undefined`: its agent is in between. */
  readonly taken: TakenConnection | undefined;
  /** Private ids of its sockets whose pointers lead to its token. */
  readonly pointed = new SmallSet<string>();
  /** Its user, once that is known. */
  uid: string | undefined;
  /** The save that is under way, and the one that waits for it. */
  saving: Promise<void> | undefined = undefined;
  nextSave: Promise<void> | undefined = undefined;
  /** When it may be saved again, in time of `performance.now()`. */
  savesFrom = 0;
  /** `waits`: it is to be given when its client has stopped; `leaves`: it is being given. */
  stage: 'stays' | 'waits' | 'leaves' = 'stays';
  /** Whether its session was given, or runs at another push-server. */
  isGone = false;
  /**
   * Whether the session is this node's. An agent may have asked other push-servers to take the same session; one of
   * them may have it until the agent reports that the client continues here, or the client sends something. An agent that has handed its client
   * over has reported that.
   */
  get isOwn(): boolean {
    return this.isClaimed || this.taken?.isAccepted === true;
  }
  /** Whether the session began here, or is stored under its own token since it is this node's, or is about to be. */
  isClaimed: boolean;
  /**
   * The token with which the session came, under which it is stored until it is this node's; `undefined`: it began here, or that token is
   * used up.
   */
  usedToken: string | undefined;
  /** When its agent last reported that the client has stopped, in time of `performance.now()`. */
  #stoppedAt = -stoppedMs;
  /** Functions that are called when that changes. */
  #waiting: Set<() => void> | undefined = undefined;
  /** Whether nothing is read from the client, for want of an agent that could stop it. */
  #isPaused = false;
  #looksAgain: NodeJS.Timeout | undefined = undefined;

  /** @param taken - of a session that was taken from another push-server */
  constructor(conn: EngineConnection, token: string, client: MigratingClient, taken?: Taken) {
    this.conn = conn;
    this.token = token;
    this.client = client;
    this.taken = takenOf(conn);
    this.uid = taken?.uid;
    this.isClaimed = taken === undefined;
    this.usedToken = taken?.usedToken;
  }

  /**
   * Whether nothing has been stored under its own token, nor is about to be, until it is claimed. What a change of rooms has stored may lack those
   * that the session was not in again yet.
   */
  get isStoredLater(): boolean {
    return !this.isClaimed && this.usedToken !== undefined && this.saving === undefined;
  }

  /** Its sockets, in all namespaces. */
  get sockets(): ReadonlyMap<string, Socket> {
    return this.client.sockets;
  }

  /** The key in the store under which its session is kept. */
  get key(): string {
    return keyOfToken(this.token);
  }

  get isOpen(): boolean {
    return this.conn.readyState === 'open';
  }

  /**
   * Whether an agent has the connection, and can give it to the next push-server. This is `false` for a connection that was handed over until its
   * agent has confirmed that, and between the end of its agent and the next agent.
   */
  get hasAgent(): boolean {
    return this.taken?.isShared !== false;
  }

  /** Whether the client sends nothing more. */
  get isStopped(): boolean {
    return this.#isPaused || performance.now() - this.#stoppedAt < stoppedMs;
  }

  /**
   * Why the client has not stopped, as far as this side can see. An agent that cannot pass on the ping, since the
   * client does not read, counts as silent.
   */
  get whyNotStopped(): NotStopped {
    if (isMidMessage(this.conn)) return 'mid-event';
    return this.client.decoder.reconstructor == null ? 'silent' : 'mid-event';
  }

  /** Asks the agent to stop the client. One that was handed over is not read any more, once its last event is complete. */
  askToStop(): void {
    if (this.taken === undefined) sendPing(this.conn, stopClientPing);
    else this.#stopReading();
  }

  /** Its session stays here: its client may send again. */
  stay(): void {
    this.stage = 'stays';
    clearTimeout(this.#looksAgain);
    if (!this.#isPaused) return;
    this.#isPaused = false;
    readOn(this.conn);
  }

  /** Its agent reports that the client has stopped. */
  tellStopped(): void {
    this.#stoppedAt = performance.now();
    this.#wake();
  }

  /** The connection has closed. */
  tellClosed(): void {
    clearTimeout(this.#looksAgain);
    this.#wake();
  }

  /**
   * Resolves when the client has stopped, the connection has closed, or after `ms`.
   *
   * @returns whether the client has stopped
   */
  async whenStopped(ms: number): Promise<boolean> {
    if (!this.isStopped && this.isOpen && ms > 0) {
      this.#waiting ??= new Set();
      const waiting = this.#waiting;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        waiting.add(wake);
      });
    }
    return this.isStopped && this.isOpen;
  }

  #stopReading(): void {
    clearTimeout(this.#looksAgain);
    if (this.#isPaused || !this.isOpen) return;
    if (this.client.decoder.reconstructor == null) {
      stopReading(this.conn);
      this.#isPaused = true;
      this.#wake();
    } else this.#looksAgain = setTimeout(() => this.#stopReading(), lookMs);
  }

  #wake(): void {
    for (const wake of [...(this.#waiting ?? [])]) wake();
  }
}
