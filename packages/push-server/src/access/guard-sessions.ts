import { type IncomingMessage, ServerResponse } from 'node:http';
import { type Failure, productHeader, uidHeader, uidParameter } from '@gopush/contract';
import { createLimitedWarning, type Logger } from '@gopush/service';
import { asEngineRequest, type EngineConnection, type EngineRequest, engineOf } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { refuse } from '../http/respond.ts';
import type { IdentityCheck } from './identity-check.ts';

/** What guarding sessions needs. */
export interface SessionGateOptions {
  readonly isBelieved: IdentityCheck;
  /** Whether clients of Socket.IO 2 are served: `pushServer.allowEIO3`. */
  readonly allowEIO3: boolean;
  readonly onRefused: (failure: Failure) => void;
  readonly log: Logger;
}

/** The owner of a session. */
interface Owner {
  /** Uid and product of its first request. */
  readonly identity: string;
  /** Whether these could be believed. */
  readonly isBelieved: boolean;
}

/**
 * Checks each request before Engine.IO handles it. A session of long-polling takes requests of its own user alone: its id (`sid`) is in URLs, and so
 * no real secret. A session that began as a WebSocket has no other requests.
 *
 * JSONP is refused: its responses are scripts, which pages of any origin can read.
 */
export function guardSessions(io: Server, { isBelieved, allowEIO3, onRefused, log }: SessionGateOptions): void {
  const warn = createLimitedWarning(log);
  const engine = engineOf(io);
  const owners = new WeakMap<EngineConnection, Owner>();

  engine.on('connection', (conn) => {
    const request = conn.request as EngineRequest;
    // Checked for a WebSocket as well: the result counts for all of its namespaces, which are entered when the signature may have expired.
    const owner = { identity: identityOf(request), isBelieved: isBelieved(request) };
    if (conn.transport.name === 'polling') owners.set(conn, owner);
  });

  function whyNot(request: EngineRequest): Failure | undefined {
    const { j, sid } = request._query;
    if (j !== undefined) return { code: 'jsonp_refused' };
    const version = versionFault(request, allowEIO3);
    if (version !== undefined) return version;
    if (sid === undefined || !Object.hasOwn(engine.clients, sid)) return undefined;
    const owner = owners.get(engine.clients[sid] as EngineConnection);
    if (owner === undefined)
      return { code: 'session_unknown', detail: 'a session on a WebSocket has no other requests' };
    const isOwn = owner.identity === identityOf(request) && (!owner.isBelieved || isBelieved(request));
    return isOwn ? undefined : { code: 'session_unknown', detail: 'the session of another user' };
  }

  io.engine.use((request: IncomingMessage, response: unknown, next: () => void) => {
    const failure = whyNot(asEngineRequest(request));
    if (failure === undefined) return next();
    onRefused(failure);
    if (failure.code === 'engine_version') warn({ code: failure.code }, `a client was refused: ${failure.detail}`);
    // A body that is not read would be taken for the next request.
    if (response instanceof ServerResponse) refuse(response, failure, { connection: 'close' });
    else refuseUpgrade(request.socket, failure);
  });
}

/**
 * Checks the version of Engine.IO's protocol in a request that begins a session or upgrades. Engine.IO would accept the upgrade, and then send a
 * response that is no WebSocket frame.
 */
function versionFault({ headers, _query }: EngineRequest, allowEIO3: boolean): Failure | undefined {
  const { EIO, sid, transport } = _query;
  const isUpgrade = headers.upgrade !== undefined;
  if (EIO === '4' || (EIO === '3' && allowEIO3)) return undefined;
  // Engine.IO itself refuses a request that is not a handshake.
  if (!isUpgrade && (sid !== undefined || transport === undefined)) return undefined;
  const detail =
    EIO === '3'
      ? 'it uses Socket.IO 2 (EIO=3); set pushServer.allowEIO3 to true to accept such clients'
      : `it uses an Engine.IO protocol version other than 4${allowEIO3 ? ' and 3' : ''} (EIO)`;
  return { code: 'engine_version', detail };
}

/** The identity of a request: from the headers of an agent, or, without one, from its own query. */
function identityOf({ headers, _query }: EngineRequest): string {
  const uid = headers[uidHeader];
  return `${uid === undefined ? `?${_query[uidParameter]}` : `=${uid}`}\n${headers[productHeader]}`;
}
