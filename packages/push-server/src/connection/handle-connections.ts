import {
  agentHeader,
  events,
  type Failure,
  failures,
  greeting,
  type Identity,
  readIdentity,
  type Welcome,
} from '@gopush/contract';
import { type Logger, withoutMachine } from '@gopush/service';
import { createShape } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import type { AddressOf } from '../access/client-address.ts';
import type { IdentityCheck } from '../access/identity-check.ts';
import { logFailure } from '../hook/log-failure.ts';
import type { Rules } from '../hook/rules.ts';
import type { ServerClient } from '../hook/server-hook.ts';
import type { Limits } from '../limits/limits.ts';
import { isMigrated } from '../migration/is-migrated.ts';
import { migratingClientOf } from '../migration/migrating-client.ts';
import type { Recovery } from '../recovery/recovery.ts';
import { roomOfProduct } from '../rooms/names/room-names.ts';
import type { Rooms } from '../rooms/open-rooms.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import { Session, type SessionContext, sessionOf } from '../session/session.ts';
import { handleMessages } from './handle-messages.ts';
import { handleRequests } from './handle-requests.ts';

/** What serving a connection needs. */
export interface ConnectionContext {
  /** Name of this push-server. */
  readonly node: string;
  readonly publish: Rooms['publish'];
  readonly presenceIn: Rooms['presenceIn'];
  /** Whether products have rooms and users of their own: `pushServer.isolateProducts`. */
  readonly isolateProducts: boolean;
  /** What the server hook decides. */
  readonly rules: Rules;
  readonly addressOf: AddressOf;
  readonly sessions: SessionContext;
  /** The sessions of this node. */
  readonly live: LiveSessions;
  readonly recovery: Recovery;
  /** Keeps a session whose connection was lost. */
  readonly keepForRecovery: (session: Session) => Promise<boolean>;
  readonly limits: Limits;
  readonly isBelieved: IdentityCheck;
  readonly log: Logger;
  /** Waits at a stop for what a hook still does. */
  readonly keep: (work: Promise<void>) => void;
}

/** Socket.IO middleware: a client without a uid, or one that the server hook does not want, is refused. */
export async function admit(
  socket: Socket,
  next: (error?: Error) => void,
  { rules, addressOf, isBelieved, sessions, live, recovery, limits, log }: ConnectionContext,
): Promise<void> {
  const { headers, query } = socket.handshake;
  limits.beginnings.connecting(socket);
  const restored = socket.recovered ? recovery.take(socket) : undefined;
  const refuse = (failure: Failure): void => {
    // Its owner, or it itself at another time, may still go on with it.
    restored?.giveBack();
    limits.refused(failure.code);
    limits.beginnings.refused(socket);
    next(errorOf(failure));
  };
  if (!isBelieved(socket.request)) return refuse({ code: 'identity_unsigned' });
  const identity = readIdentity(headers, query);
  if (!identity.ok) return refuse(identity.failure);
  const client = createClient(socket, identity.value, addressOf);
  const user = sessions.scopeOf(client.product) + client.uid;
  // A session goes on for its own user alone.
  if (socket.recovered && restored?.uid !== user) return refuse({ code: 'session_unknown' });
  if (restored !== undefined) {
    Object.assign(client.data, restored.record.clientData);
    if (restored.record.claims !== undefined) client.claims = restored.record.claims;
  }
  // One whose connection goes on was admitted before.
  if (restored?.moved !== true && rules.has('onConnect')) {
    const verdict = await rules.mayConnect(client);
    if (!verdict.ok) {
      logFailure(verdict.failure, log);
      return refuse(verdict.failure);
    }
  }
  if (!(await limits.take(socket, user)) && restored?.moved !== true)
    return refuse({ code: 'too_many_connections_uid' });
  const session = new Session(socket, client, sessions, restored);
  live.add(session);
  // Whoever is told that it is connected can be reached.
  await session.prepare();
  session.whenCutShort(() => {
    limits.beginnings.refused(socket);
    live.remove(session);
    session.end('gone');
    restored?.giveBack();
  });
  next();
}

/**
 * A connection's line: its user's room → the greeting → what it asks for.
 *
 * @returns listens to a socket that was admitted, with the same functions for all
 */
export function handleConnections(context: ConnectionContext): (socket: Socket) => void {
  const { node, publish, presenceIn, isolateProducts, rules, sessions, live, limits, keepForRecovery, log, keep } =
    context;
  const listenToRooms = handleRequests({ publish, presenceIn, rules, limits, senders: sessions.senders, log });
  const listenToMessages = handleMessages(rules, limits, log);
  const server = withoutMachine(node);

  /** Whether sessions whose connections were lost were still this node's. */
  const ours = new WeakMap<Session, Promise<boolean>>();

  function onDisconnecting(this: Socket, reason: string): void {
    const session = sessionOf(this);
    if (session?.isMoved !== false || !recoverable.has(reason)) return;
    // A client of Socket.IO 2 knows no session to come back to.
    if (migratingClientOf(this).conn.protocol === 3) return;
    const isOurs = keepForRecovery(session);
    ours.set(session, isOurs);
    keep(isOurs.then(ignore, ignore));
  }

  async function tellDisconnected(session: Session, reason: string): Promise<void> {
    // This node may have been away for long, and the session have gone on elsewhere.
    if ((await ours.get(session)) === false) return;
    const result = await rules.disconnected(session.client, reason);
    if (!result.ok) logFailure(result.failure, log);
  }

  async function tellMigrated({ client }: Session): Promise<void> {
    const result = await rules.migrated(client);
    if (!result.ok) logFailure(result.failure, log);
  }

  function onDisconnect(this: Socket, reason: string): void {
    const session = sessionOf(this);
    if (session === undefined) return;
    live.remove(session);
    // Elsewhere it goes on.
    if (session.isMoved) return;
    session.end('gone');
    if (!rules.has('onDisconnect')) return;
    keep(tellDisconnected(session, reason));
  }

  return (socket) => {
    const session = sessionOf(socket);
    if (session === undefined) return;
    limits.watch(socket);
    const { uid, product } = session.client;
    const agent = socket.handshake.headers[agentHeader];
    if (isolateProducts) void socket.join(roomOfProduct(product));
    if (!socket.recovered) {
      const welcome: Welcome = {
        uid,
        product,
        agent: typeof agent === 'string' ? withoutMachine(agent) : null,
        server,
      };
      socket.emit(events.welcome, welcome);
      socket.emit(events.push, greeting);
    }
    listenToRooms(socket);
    listenToMessages(session);
    session
      .begin()
      .then(() => {
        limits.beginnings.begun(socket);
        if (isMigrated(socket) && !session.isMoved && rules.has('onMigrated')) keep(tellMigrated(session));
      })
      .catch((error: unknown) => {
        limits.beginnings.refused(socket);
        log.error({ err: error }, 'a session could not start: its client has to reconnect');
        // A client that stayed would believe that it is in its rooms, and hear nothing.
        socket.conn.close();
      });
    socket.on('disconnecting', onDisconnecting).on('disconnect', onDisconnect);
  };
}

function ignore(): void {}

/** Ends of a connection that nobody wanted, after which clients come back: as in Socket.IO. */
const recoverable: ReadonlySet<string> = new Set([
  'transport error',
  'transport close',
  'forced close',
  'ping timeout',
  'server shutting down',
  'forced server close',
]);

/** The client of a socket that was admitted. */
export function clientOf(socket: Socket): ServerClient | undefined {
  return sessionOf(socket)?.client;
}

const Query = createShape<Record<string, string | undefined>>();

function createClient({ id, handshake }: Socket, { uid, product }: Identity, addressOf: AddressOf): ServerClient {
  const query = new Query();
  for (const [name, value] of Object.entries(handshake.query)) query[name] = Array.isArray(value) ? value[0] : value;
  const { headers, address } = handshake;
  return {
    id,
    uid,
    product,
    address: addressOf(headers, address),
    data: {},
    headers,
    query,
    auth: authOf(handshake.auth),
  };
}

/** Without what Socket.IO itself adds for its recovery. */
function authOf({ pid: _pid, offset: _offset, ...auth }: Record<string, unknown>): Record<string, unknown> {
  return auth;
}

/** What Socket.IO tells a client that it refuses. */
export function errorOf({ code }: Failure): Error {
  const { message } = failures[code];
  return Object.assign(new Error(message), { data: { code, message } });
}
