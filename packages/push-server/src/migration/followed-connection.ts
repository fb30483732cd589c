import type { Duplex } from 'node:stream';
import { stopClientPing } from '@gopush/contract';
import { SmallSet } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import { keyOfToken } from '../stored-session/session-pointers.ts';
import type { MigratingClient } from './migrating-client.ts';

/** The WebSocket of Engine.IO's transport, with what we use of it; what begins with an underscore is not documented. */
interface EngineWebSocket {
  readonly extensions: string;
  ping(payload: string, mask: boolean, done: (error?: Error) => void): void;
  on(event: 'pong', listener: (payload: Buffer) => void): this;
  removeAllListeners(event: 'message'): this;
  /** The connection below it. */
  readonly _socket?: Duplex;
  /** Puts frames and messages together. */
  readonly _receiver?: { readonly _state: number; readonly _bufferedBytes: number; readonly _fragmented: number };
}

/** The connection of Engine.IO, with what we use of it. */
export interface EngineSocket {
  readonly id: string;
  readonly transport: { readonly name: string; readonly socket?: EngineWebSocket };
  readonly readyState: string;
  readonly writeBuffer: readonly unknown[];
  prependListener(event: 'close', listener: () => void): void;
  once(event: string, listener: () => void): void;
  close(discard?: boolean): void;
}

/**
 * Why the client of a connection has not been stopped: it is within an event; or its agent is silent, as it also is where it has not come to the
 * question, since the client does not read what is before that.
 */
export type NotStopped = 'mid-event' | 'silent';

/**
 * How long it counts that a client is stopped, in milliseconds. Its agent lets it go on 15 s after it was asked last (docs/protocol.md, "Bounds").
 */
const stoppedMs = 10_000;

/** A connection that an agent can move. */
export class FollowedConnection {
  token: string;
  readonly conn: EngineSocket;
  /** The same connection as Socket.IO sees it. */
  readonly client: MigratingClient;
  /** Private ids of its sockets that lead to its token. */
  readonly pointed = new SmallSet<string>();
  /** Its user, once that is known. */
  uid: string | undefined;
  /** The save that is under way, and the one that waits for it. */
  saving: Promise<void> | undefined = undefined;
  nextSave: Promise<void> | undefined = undefined;
  /** It stays here; it is about to leave, but its client may not be stopped yet; it is being handed over. */
  stage: 'stays' | 'waits' | 'leaves' = 'stays';
  /** Whether it has been handed over. */
  moved = false;
  /**
   * Whether it is this node's. An agent may have asked others for the same session as well; until it says that the client goes on here, or that is
   * heard, another one may have it.
   */
  own: boolean;
  /** The token that it came with; `undefined`: it began here, or that has been used. */
  usedToken: string | undefined;
  /** When its agent said last that the client is stopped, in milliseconds since 1970. */
  #stoppedAt = 0;
  /** Those who wait for that. */
  #waiting: Set<() => void> | undefined = undefined;

  /** @param uid - the user of a session that was taken over from another node */
  constructor(conn: EngineSocket, token: string, client: MigratingClient, uid?: string, usedToken?: string) {
    this.conn = conn;
    this.token = token;
    this.client = client;
    this.uid = uid;
    this.own = uid === undefined;
    this.usedToken = usedToken;
  }

  /** Its sockets, in all namespaces. */
  get sockets(): ReadonlyMap<string, Socket> {
    return this.client.sockets;
  }

  /** Under which its session is kept. */
  get key(): string {
    return keyOfToken(this.token);
  }

  get isOpen(): boolean {
    return this.conn.readyState === 'open';
  }

  /** Whether nothing more comes from the client. */
  get isStopped(): boolean {
    return Date.now() - this.#stoppedAt < stoppedMs;
  }

  /** Why the client is not stopped, as far as can be seen from here. */
  get whyNotStopped(): NotStopped {
    const receiver = this.conn.transport.socket?._receiver;
    if (receiver !== undefined && (receiver._state > 0 || receiver._bufferedBytes > 0 || receiver._fragmented > 0)) {
      return 'mid-event';
    }
    return this.client.decoder.reconstructor == null ? 'silent' : 'mid-event';
  }

  /** Asks the agent to stop the client. */
  askToStop(): void {
    this.conn.transport.socket?.ping(stopClientPing, false, () => {});
  }

  /** Its agent says that the client is stopped. */
  tellStopped(): void {
    this.#stoppedAt = Date.now();
    this.#wake();
  }

  /** Its connection has gone. */
  tellGone(): void {
    this.#wake();
  }

  /** Resolves when the client is stopped or gone, or after `ms`. @returns whether it is stopped */
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

  #wake(): void {
    for (const wake of [...(this.#waiting ?? [])]) wake();
  }
}
