import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  canMigrateHeader,
  readStickySignature,
  sessionTokenHeader,
  skipFramesHeader,
  stickyHeader,
} from '@gopush/contract';
import type { EngineRequest } from '@gopush/slim-socket-io';
import { newToken, type TakenSession } from './take-session.ts';

/** A connection before it is open, as far as its request describes it. */
export interface Arrival {
  /** The token by which its agent asks for the session when it is to migrate. */
  readonly token: string;
  /** The session that continues on it; `undefined`: a new one begins. */
  readonly taken: TakenSession | undefined;
  readonly socket: Duplex;
}

/** Where a request keeps what is known of its connection. */
const ofRequest = Symbol('arrival');
interface Slot {
  [ofRequest]?: Pick<Arrival, 'token' | 'taken'>;
}

/**
 * Connections on their way from an upgrade request to an open connection of Engine.IO, which does not know its request
 * any more: a request gets its session, then its response headers, then its id.
 */
export class Arrivals {
  /** Whether sessions can migrate. */
  readonly #enabled: boolean;
  /** Tokens of long-polling sessions that change to WebSocket, by their ids. */
  readonly #ofPolling = new Map<string, string>();
  /** By the ids of their connections. */
  readonly #arrivals = new Map<string, Arrival>();
  /** Sockets on which sessions are being taken, with what listens to their end. */
  readonly #sockets = new Map<Duplex, () => void>();
  /** Sessions that are about to continue here, by the ids of their connections, each with what forgets it. */
  readonly #continuing = new Map<string, () => void>();

  constructor(enabled: boolean) {
    this.#enabled = enabled;
  }

  /** How many sessions are being taken. */
  get size(): number {
    return this.#sockets.size;
  }

  /** A session is being taken on a socket. */
  begin(socket: Duplex): void {
    const end = (): void => this.#end(socket);
    this.#sockets.set(socket, end);
    socket.on('close', end);
  }

  /**
   * A request continues a session.
   *
   * @returns `false` if another one is about to: the sockets of both would have the same ids
   */
  continue(request: IncomingMessage, socket: Duplex, taken: TakenSession): boolean {
    const { engineId } = taken.record;
    if (this.#continuing.has(engineId)) return false;
    if (!socket.destroyed) {
      const forget = (): void => {
        socket.off('close', forget);
        this.#continuing.delete(engineId);
      };
      this.#continuing.set(engineId, forget);
      socket.on('close', forget);
    }
    (request as Slot)[ofRequest] = { token: taken.token, taken };
    return true;
  }

  /** A session continues here: it has entered its namespaces. @param id - of its connection */
  continued(id: string): void {
    this.#continuing.get(id)?.();
  }

  /** Adds the headers for the agent to those of a response. */
  addHeaders(headers: Record<string, string>, request: EngineRequest): void {
    if (request.headers.upgrade === undefined || request.headers[canMigrateHeader] === undefined) return;
    // Clients of Socket.IO 2 enter the main namespace without a CONNECT, wherever they come.
    if (!this.#enabled || request._query?.EIO === '3') return;
    const slot = request as Slot;
    const { token, taken } = slot[ofRequest] ?? { token: newToken(), taken: undefined };
    headers[sessionTokenHeader] = token;
    const sid = request._query?.sid;
    if (sid !== undefined) this.#ofPolling.set(sid, token);
    else slot[ofRequest] ??= { token, taken };
    // Engine.IO's opening, which the client has had, and the `noop` before all else. Responses of Socket.IO do not
    // count.
    if (taken !== undefined) headers[skipFramesHeader] = '2';
  }

  /** The id of the Engine.IO session that a request continues; `undefined`: it continues none. */
  continuedBy(request: IncomingMessage): string | undefined {
    return (request as Slot)[ofRequest]?.taken?.record.engineId;
  }

  /** The id of the Engine.IO session of a request. @param generate - makes a new one */
  async idOf(request: IncomingMessage, generate: () => string | Promise<string>): Promise<string> {
    const id = this.continuedBy(request) ?? (await generate()) + stickySuffix(request);
    const expected = (request as Slot)[ofRequest];
    if (expected !== undefined) this.#arrivals.set(id, { ...expected, socket: request.socket });
    return id;
  }

  /**
   * A connection is open.
   *
   * @returns its arrival, once; `undefined` if its session cannot migrate, or not yet
   */
  arrived(id: string): Arrival | undefined {
    const arrival = this.#arrivals.get(id);
    this.#arrivals.delete(id);
    if (arrival?.taken !== undefined) this.#end(arrival.socket);
    return arrival;
  }

  /** A session is taken, or its connection has ended. */
  #end(socket: Duplex): void {
    const listener = this.#sockets.get(socket);
    if (listener !== undefined) socket.off('close', listener);
    this.#sockets.delete(socket);
  }

  /** The token of a session that began with long-polling, once: it has changed to WebSocket, or has closed. */
  tokenOfPolling(id: string): string | undefined {
    const token = this.#ofPolling.get(id);
    this.#ofPolling.delete(id);
    return token;
  }
}

/**
 * The agent's signature at the end of a session's id, by which later requests of the session reach this target
 * (docs/protocol.md).
 */
function stickySuffix({ headers }: IncomingMessage): string {
  const given = headers[stickyHeader];
  const signature = typeof given === 'string' ? readStickySignature(given) : undefined;
  return signature === undefined ? '' : `.${signature}`;
}
