import { type Identity, readIdentity } from '@gopush/contract';
import { insideOfSocket, roomsOf } from '@gopush/slim-socket-io';
import type { Socket } from 'socket.io';
import type { EmittedRecord } from '../../emitted-events/emitted-record.ts';
import type { SessionRecord, SocketRecord } from '../../stored-session/session-record.ts';
import type { FollowedConnection } from './followed-connection.ts';
import type { MigratableSession, SessionsOfNode } from './migratable-session.ts';

/** What describing a connection needs. */
export interface DescribeContext {
  /** Name of this node on the bus. */
  readonly node: string;
  readonly sessions: SessionsOfNode;
  /** The events of programs that a socket has had. */
  readonly emittedEvents: { standing(socket: Socket): EmittedRecord };
  /** How many deliveries this node has made. */
  readonly count: () => number;
  /** The user of an identity: its uid, after the scope of its product. */
  readonly userOf: (identity: Identity) => string;
}

/** The records of sessions that have ended. */
export type Ended = ReadonlyMap<MigratableSession, SocketRecord>;

/**
 * The session on a connection, as it is stored.
 *
 * @param ended - if its sessions have ended, their records: these contain exactly what the client was given. Otherwise
 * the record is for a crash, and contains what the client had for certain
 * @returns `undefined` if its user is not known
 */
export function describeConnection(
  followed: FollowedConnection,
  context: DescribeContext,
  ended?: Ended,
): SessionRecord | undefined {
  const { client, conn } = followed;
  const sockets: SocketRecord[] = [...client.returning];
  for (const socket of client.sockets.values()) {
    sockets.push(describeSocket(socket, context, ended, client.responseTo(socket)));
  }
  followed.uid ??= userOn(client.sockets, context);
  const { uid } = followed;
  if (uid === undefined) return undefined;
  const isExact = ended !== undefined;
  return {
    engineId: conn.id,
    uid,
    node: context.node,
    at: Date.now(),
    isExact,
    tail: [],
    sockets,
    opening: client.opening,
    answers: client.responses,
    count: isExact ? undefined : context.count(),
  };
}

function describeSocket(
  socket: Socket,
  { sessions, emittedEvents }: DescribeContext,
  ended: Ended | undefined,
  answer: number,
): SocketRecord {
  const session = sessions.get(socket.id);
  if (session === undefined) return { ...describePlain(socket), emitted: emittedEvents.standing(socket), answer };
  const record = ended?.get(session);
  return record === undefined ? describeLive(session, answer) : { ...record, answer };
}

/** A client may be in none of the namespaces in which gopush knows it. */
function userOn(sockets: ReadonlyMap<string, Socket>, { sessions, userOf }: DescribeContext): string | undefined {
  for (const { id } of sockets.values()) {
    const session = sessions.get(id);
    if (session !== undefined) return session.user;
  }
  const [socket] = sockets.values();
  const identity = socket === undefined ? undefined : readIdentity(socket.handshake.headers, {});
  return identity?.ok === true ? userOf(identity.value) : undefined;
}

/**
 * If this node dies, its client surely had what was there when it entered its rooms, and what it has acknowledged of
 * its inbox.
 */
function describeLive(session: MigratableSession, answer: number): SocketRecord {
  return session.describe(session.joined, session.inbox.acknowledged, { reached: [...session.positions], answer });
}

/** A socket of a namespace in which gopush has no session. */
function describePlain(socket: Socket): SocketRecord {
  return {
    namespace: socket.nsp.name,
    id: socket.id,
    pid: insideOfSocket(socket).pid,
    auth: socket.handshake.auth,
    rooms: [...roomsOf(socket)].filter((room) => room !== socket.id),
    data: socket.data,
    positions: [],
    inboxAfter: 0,
    clientData: {},
    claims: undefined,
  };
}
