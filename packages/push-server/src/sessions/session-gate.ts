import { type IncomingMessage, ServerResponse } from 'node:http';
import { type Failure, productHeader, uidHeader, uidParameter } from '@gopush/contract';
import type { Server } from 'socket.io';
import { refuse } from '../api/answer.ts';
import { refuseUpgrade } from '../api/listen/listeners.ts';
import type { IdentityCheck } from '../identity-check.ts';

/** A request as Engine.IO has read it. */
type EngineRequest = IncomingMessage & { readonly _query: Readonly<Record<string, string | undefined>> };

/** A connection of Engine.IO, with what is used of it here. */
interface EngineSocket {
  readonly request: EngineRequest;
  readonly transport: { readonly name: string };
}

/** Whose a session is. */
interface Owner {
  /** Uid and product as its first request had them. */
  readonly identity: string;
  /** Whether they could be believed. */
  readonly isBelieved: boolean;
}

/**
 * Looks at each request of Engine.IO before Engine.IO does. A session of long-polling goes on with requests of its own user alone: its id
 * (`sid`) is no secret worth the name, as it stands in URLs. One that began as a WebSocket has no further requests.
 *
 * JSONP is refused: its answers are scripts, which pages of any origin can read.
 */
export function guardSessions(io: Server, isBelieved: IdentityCheck, onRefused: (failure: Failure) => void): void {
  const engine = io.engine as unknown as {
    use(middleware: (request: EngineRequest, response: object, next: () => void) => void): void;
    on(event: 'connection', listener: (conn: EngineSocket) => void): void;
    readonly clients: Readonly<Record<string, EngineSocket>>;
  };
  const owners = new WeakMap<EngineSocket, Owner>();

  engine.on('connection', (conn) => {
    const owner = { identity: identityOf(conn.request), isBelieved: isBelieved(conn.request) };
    if (conn.transport.name === 'polling') owners.set(conn, owner);
  });

  function whyNot(request: EngineRequest): Failure | undefined {
    const { EIO, j, sid } = request._query;
    if (j !== undefined) return { code: 'jsonp_refused' };
    // Engine.IO would accept the upgrade first, and then answer with what is no WebSocket. For long-polling it has an answer that clients know.
    if (request.headers.upgrade !== undefined && EIO !== '4') {
      return { code: 'upgrade_malformed', detail: 'another version of the protocol of Engine.IO than 4' };
    }
    if (sid === undefined || !Object.hasOwn(engine.clients, sid)) return undefined;
    const owner = owners.get(engine.clients[sid] as EngineSocket);
    if (owner === undefined)
      return { code: 'session_unknown', detail: 'a session of a WebSocket has no other requests' };
    const isOwn = owner.identity === identityOf(request) && (!owner.isBelieved || isBelieved(request));
    return isOwn ? undefined : { code: 'session_unknown', detail: 'the session of another user' };
  }

  engine.use((request, response, next) => {
    const failure = whyNot(request);
    if (failure === undefined) return next();
    onRefused(failure);
    // A body that is not read would be taken for the next request.
    if (response instanceof ServerResponse) refuse(response, failure, { connection: 'close' });
    else refuseUpgrade(request.socket, failure);
  });
}

/** Who sends a request: as an agent says, or, of a program without one, as it says itself. */
function identityOf({ headers, _query }: EngineRequest): string {
  const uid = headers[uidHeader];
  return `${uid === undefined ? `?${_query[uidParameter]}` : `=${uid}`}\n${headers[productHeader]}`;
}
