import { type IncomingMessage, ServerResponse } from 'node:http';
import { failureBody, failures, retryAfter, sessionTokenHeader } from '@gopush/contract';
import { type AdmissionWindow, type Place, respondOnSocket, type SocketResponse } from '@gopush/service';
import { asEngineRequest } from '@gopush/slim-socket-io';
import type { Server, Socket } from 'socket.io';

/** Why a push-server takes no new sessions just now. */
type Refusal = 'too_many_connections' | 'overloaded';

/** Which new sessions a push-server takes. */
export interface NewSessions {
  /** How many may begin at a time; `undefined`: as many as there are. */
  readonly window: AdmissionWindow | undefined;
  /** Whether there are as many connections as there may be. */
  readonly isFull: () => boolean;
  readonly onRefused: (code: Refusal) => void;
}

/** Sessions from their handshake until they have begun. */
export interface Beginnings {
  /** Socket.IO's part begins. What came before was the client's time. */
  connecting(socket: Socket): void;
  begun(socket: Socket): void;
  /** It does not begin. */
  refused(socket: Socket): void;
}

/** Where a request keeps what is known of its session until that has begun. */
const ofRequest = Symbol('beginning');
interface Slot {
  [ofRequest]: Place | undefined;
}

/**
 * Refuses handshakes before any session exists, and before hooks are asked. The agent in front knows by the header why: of one with too many
 * connections it asks another push-server, and of one with too much to do fewer at a time.
 */
export function refuseNew(io: Server, { window, isFull, onRefused }: NewSessions): Beginnings {
  io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    const { _query: query } = asEngineRequest(request);
    // One that goes on from elsewhere has been let in before, and its session has been taken already.
    const isResumed = request.headers.upgrade !== undefined && request.headers[sessionTokenHeader] !== undefined;
    if (query.sid !== undefined || isResumed) return next();
    if (isFull()) return refuse(request, response, 'too_many_connections');
    if (window === undefined) return next();
    const place = window.enter(performance.now());
    if (place === undefined) return refuse(request, response, 'overloaded');
    (request as unknown as Slot)[ofRequest] = place;
    next();
  });

  function refuse(request: IncomingMessage, response: unknown, code: Refusal): void {
    onRefused(code);
    const refusal = refusalOf(code);
    // For an upgrade Engine.IO gives something that is no response.
    if (!(response instanceof ServerResponse)) respondOnSocket(request.socket, refusal);
    else {
      const { status, headers, body } = refusal;
      response
        .writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
        .end(body);
    }
  }

  function leave(socket: Socket): Place | undefined {
    const slot = socket.request as unknown as Slot;
    const place = slot[ofRequest];
    if (place !== undefined) window?.leave(place);
    slot[ofRequest] = undefined;
    return place;
  }

  return {
    connecting({ request }) {
      const place = (request as unknown as Slot)[ofRequest];
      if (place !== undefined) window?.resume(place, performance.now());
    },
    begun(socket) {
      const place = leave(socket);
      const now = performance.now();
      if (place !== undefined) window?.took(now - place.at, now);
    },
    refused: leave,
  };
}

function refusalOf(code: Refusal): SocketResponse {
  return {
    status: failures[code].http,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'retry-after': String(retryAfter(code)),
      'x-gopush-error': code,
    },
    body: bodies[code],
  };
}

const bodies = {
  too_many_connections: JSON.stringify(failureBody('too_many_connections')),
  overloaded: JSON.stringify(failureBody('overloaded')),
} as const;
