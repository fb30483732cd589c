import { type IncomingMessage, ServerResponse } from 'node:http';
import { failureBody, failures, networkOf, retryAfter, sessionTokenHeader, uidHeader } from '@gopush/contract';
import {
  type AdmissionWindow,
  hasEnded,
  nextTurn,
  type Place,
  respondOnSocket,
  type SocketResponse,
} from '@gopush/service';
import { asEngineRequest } from '@gopush/slim-socket-io';
import type { Server, Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';

/** Why a push-server takes no new sessions now. */
type Refusal = 'draining' | 'too_many_connections' | 'overloaded' | 'too_many_requests';

/** Which new sessions a push-server takes. */
export interface SessionStartsOptions {
  /** Bounds how many start at a time; `undefined`: there is no bound. */
  readonly window: AdmissionWindow | undefined;
  /** Whether there are as many connections as the settings allow. */
  readonly isFull: () => boolean;
  readonly addressOf: AddressOf;
  readonly onRefused: (code: Refusal) => void;
}

/** Where a request keeps the place of its session in the window, until the session has begun. */
const ofRequest = Symbol('session start');
interface Slotted extends IncomingMessage {
  [ofRequest]?: Place | undefined;
}

/**
 * The sessions that start, from their handshake until they have begun. Refuses handshakes before any session exists, and before hooks are asked. The
 * agent in front sees the cause in a header: with `draining` or `too_many_connections` it asks another push-server, with `overloaded` it sends fewer
 * at a time.
 *
 * A handshake waits for its client, up to a second, so that a single one could keep all places with a few handshakes: no user, and no
 * network without a user, gets more than half of them. While no place is free, a client takes the place of the oldest handshake of the user or network
 * that holds most, if its own user and network hold fewer: a single address can have many users.
 */
export class SessionStarts {
  readonly #options: SessionStartsOptions;
  #isDraining = false;

  constructor(io: Server, options: SessionStartsOptions) {
    this.#options = options;
    io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
      const refusal = this.#admit(request);
      if (refusal !== undefined) this.#refuse(request, response, refusal);
      else if (response instanceof ServerResponse || placeOf(request) === undefined) next();
      else void this.#nextIfThere(request, next);
    });
  }

  /** From now on no session starts here. Those that exist stay, and those that migrate here are taken. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Socket.IO connects a client. The time until now was spent by the client, not by this node. */
  connecting(socket: Socket): void {
    const place = placeOf(socket.request);
    if (place !== undefined) this.#options.window?.resume(place, performance.now());
  }

  /** A session has begun. */
  begun(socket: Socket): void {
    const place = this.#leave(socket);
    const now = performance.now();
    if (place !== undefined) this.#options.window?.took(now - place.at, now);
  }

  /** A session does not begin. */
  refused(socket: Socket): void {
    this.#leave(socket);
  }

  /** @returns why the handshake is refused */
  #admit(request: IncomingMessage): Refusal | undefined {
    const { sid } = asEngineRequest(request)._query;
    // A session that migrates was admitted before, and has been taken already.
    const migrates = request.headers.upgrade !== undefined && request.headers[sessionTokenHeader] !== undefined;
    if (sid !== undefined || migrates) return undefined;
    const { window, isFull, addressOf } = this.#options;
    if (this.#isDraining) return 'draining';
    if (isFull()) return 'too_many_connections';
    if (window === undefined) return undefined;
    const now = performance.now();
    const owners = ownersOf(request, addressOf);
    if (window.holdsHalf(owners[0], now)) return 'too_many_requests';
    const place = window.enter(now, ...owners) ?? window.enterInstead(now, ...owners);
    // To an overloaded push-server, agents send fewer clients of all networks. This one is not overloaded: many clients of one network have not
    // continued with their handshakes.
    if (place === undefined)
      return !window.isLate && window.holdsHalf(owners.at(-1) as string, now) ? 'too_many_requests' : 'overloaded';
    (request as Slotted)[ofRequest] = place;
    return undefined;
  }

  /** A client may have left while its upgrade waited in the kernel: then no session is opened. */
  async #nextIfThere(request: IncomingMessage, next: () => void): Promise<void> {
    const { socket } = request;
    // Engine.IO listens to errors from `next` on.
    socket.on('error', ignore);
    await nextTurn();
    if (!socket.destroyed && !hasEnded(socket)) {
      socket.off('error', ignore);
      return next();
    }
    this.#release(request);
    socket.destroy();
  }

  #refuse(request: IncomingMessage, response: unknown, code: Refusal): void {
    this.#options.onRefused(code);
    const refusal = refusalOf(code);
    // For an upgrade, Engine.IO passes something that is no response.
    if (!(response instanceof ServerResponse)) {
      respondOnSocket(request.socket, refusal);
      return;
    }
    const { status, headers, body } = refusal;
    response
      .writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
      .end(body);
  }

  #leave(socket: Socket): Place | undefined {
    return this.#release(socket.request);
  }

  #release(request: IncomingMessage): Place | undefined {
    const place = placeOf(request);
    if (place !== undefined) this.#options.window?.leave(place);
    (request as Slotted)[ofRequest] = undefined;
    return place;
  }
}

function placeOf(request: IncomingMessage): Place | undefined {
  return (request as Slotted)[ofRequest];
}

function ignore(): void {}

/** The owners of a handshake's place: its user, if an agent or the query of a program names one, then the network of its client. */
function ownersOf(request: IncomingMessage, addressOf: AddressOf): [string, ...string[]] {
  const { headers, socket } = request;
  const network = `from ${networkOf(addressOf(headers, socket.remoteAddress ?? ''))}`;
  const uid = headers[uidHeader] ?? asEngineRequest(request)._query.uid;
  return uid === undefined ? [network] : [`user ${uid}`, network];
}

function refusalOf(code: Refusal): SocketResponse {
  return {
    status: failures[code].http,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      // Those of one network are refused together: they must not come back together.
      'retry-after': String(retryAfter(code === 'too_many_requests' ? 'overloaded' : code)),
      'x-gopush-error': code,
    },
    body: bodies[code],
  };
}

const bodies = {
  draining: JSON.stringify(failureBody('draining')),
  too_many_connections: JSON.stringify(failureBody('too_many_connections')),
  overloaded: JSON.stringify(failureBody('overloaded')),
  too_many_requests: JSON.stringify(failureBody('too_many_requests')),
} as const;
