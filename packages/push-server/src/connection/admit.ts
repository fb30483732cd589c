import { type Failure, failures, readIdentity } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';
import type { IdentityCheck } from '../access/identity-check.ts';
import { logFailure } from '../hook/log-failure.ts';
import type { Rules } from '../hook/rules.ts';
import type { ServerClient } from '../hook/server-hook.ts';
import type { Limits } from '../limits/limits.ts';
import type { Recovery } from '../recovery/recovery.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import type { Restored } from '../session/restored.ts';
import { Session, type SessionContext } from '../session/session.ts';
import { createClient } from './server-client.ts';

/** What admitting a client needs. */
export interface AdmitContext {
  /** The decisions of the server hook. */
  readonly rules: Rules;
  readonly addressOf: AddressOf;
  readonly isBelieved: IdentityCheck;
  readonly sessions: SessionContext;
  /** The sessions of this node. */
  readonly live: LiveSessions;
  readonly recovery: Recovery;
  readonly limits: Limits;
  readonly log: Logger;
}

/**
 * Admits a client to a namespace: gives its socket a session, which begins when Socket.IO has connected it. Refuses a client without a uid that can
 * be believed, one that the server hook refuses, and one too many of a user.
 *
 * @param next - of a Socket.IO middleware
 */
export async function admit(socket: Socket, next: (error?: Error) => void, context: AdmitContext): Promise<void> {
  const { sessions, live, recovery, limits } = context;
  limits.starts.connecting(socket);
  const restored = socket.recovered ? recovery.take(socket) : undefined;
  const admitted = await decide(socket, restored, context);
  if ('code' in admitted) {
    // Its owner, or the same client later, may still recover the session.
    restored?.giveBack();
    limits.refused(admitted.code);
    limits.starts.refused(socket);
    next(errorOf(admitted));
    return;
  }
  const session = new Session(socket, admitted, sessions, restored);
  live.add(session);
  // Once a client gets its response, messages to its user must reach it.
  await session.prepare();
  session.whenCutShort(() => {
    limits.starts.refused(socket);
    live.remove(session);
    session.end('gone');
    restored?.giveBack();
  });
  next();
}

/** Decides who the client is and whether it may connect. */
async function decide(
  socket: Socket,
  restored: Restored | undefined,
  { rules, addressOf, isBelieved, sessions, limits, log }: AdmitContext,
): Promise<ServerClient | Failure> {
  const { headers, query } = socket.handshake;
  if (!isBelieved(socket.request)) return { code: 'identity_unsigned' };
  const identity = readIdentity(headers, query);
  if (!identity.ok) return identity.failure;
  const client = createClient(socket, identity.value, addressOf);
  const user = sessions.scopeOf(client.product) + client.uid;
  // A stored session is for its own user alone.
  if (socket.recovered && restored?.uid !== user) return { code: 'session_unknown' };
  if (restored !== undefined) restoreClient(client, restored);
  // The client of a session that migrates was admitted before: it still takes a place, and cannot be refused one.
  const isKnown = restored?.hasMigrated === true;
  if (!isKnown && rules.has('onConnect')) {
    const verdict = await rules.mayConnect(client);
    if (!verdict.ok) {
      logFailure(verdict.failure, log);
      return verdict.failure;
    }
  }
  const hasPlace = await limits.take(socket, user);
  return hasPlace || isKnown ? client : { code: 'too_many_connections_uid' };
}

function restoreClient(client: ServerClient, { record }: Restored): void {
  Object.assign(client.data, record.clientData);
  if (record.claims !== undefined) client.claims = record.claims;
}

/** The error with which Socket.IO refuses a client. */
export function errorOf({ code }: Failure): Error {
  const { message } = failures[code];
  return Object.assign(new Error(message), { data: { code, message } });
}
