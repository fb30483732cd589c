import {
  failed,
  type JoinRequest,
  maxPresencePage,
  type PresenceRequest,
  type PublishRequest,
  type Result,
  type RoomMessage,
  success,
} from '@gopush/contract';
import type { Rules } from '../hook/rules.ts';
import { idempotencyKeyOf } from '../rooms/idempotency/idempotency-key.ts';
import type { Rooms } from '../rooms/open-rooms.ts';
import type { Session } from '../session/session.ts';

/** What serving requests of rooms needs. */
export interface RoomRequestsContext {
  /** Publishes to a room by its full name. */
  readonly publish: Rooms['publish'];
  /** A page of the users in a room, by its full name. */
  readonly presenceIn: Rooms['presenceIn'];
  /** The decisions of the server hook. */
  readonly rules: Pick<Rules, 'has' | 'mayJoin' | 'mayPublish'>;
  readonly limits: { readonly roomsPerSocket: number };
  /** Whether messages carry the uid of the client that published them: `pushServer.senders`. */
  readonly senders: boolean;
}

/** A request that was served. Its response may come after the next request has begun. */
export interface Served {
  readonly response: Promise<Result<object>>;
}

/** Joins all of these rooms, or none. The client gets what it missed in them room by room. */
export async function join(
  session: Session,
  requests: readonly JoinRequest[],
  context: RoomRequestsContext,
): Promise<Served> {
  const rooms = requests.map(({ room }) => room);
  if (!hasRoomFor(session, rooms, context)) return respond(failed('too_many_rooms'));
  if (!session.mayReplay && requests.some(({ from }) => from !== undefined)) {
    return respond(failed('too_many_requests'));
  }
  const verdicts = await Promise.all(rooms.map((room) => mayJoin(session, room, context)));
  const refused = verdicts.find((verdict) => !verdict.ok);
  if (refused?.ok === false) return respond(refused);
  const joined = await session.join(...requests);
  if (joined.length < requests.length) return respond(gone);
  return respond(success({ ...changed(session, rooms), joined }));
}

/** Leaves rooms. */
export async function leave(session: Session, rooms: readonly string[]): Promise<Served> {
  const left = await session.leave(...rooms);
  return respond(success(changed(session, left)));
}

/** As in gopush 0.1: joins a room and publishes to it, or does neither. */
export async function joinAndPublish(
  session: Session,
  message: RoomMessage,
  context: RoomRequestsContext,
): Promise<Served> {
  const { room, event, noBroadcast } = message;
  const publishes = event !== undefined && noBroadcast !== true;
  if (!hasRoomFor(session, [room], context)) return respond(failed('too_many_rooms'));
  const verdict = await mayJoin(session, room, context);
  if (!verdict.ok) return respond(verdict);
  // The client joins the room first, so that without `canPublish` it may publish.
  const allowed =
    publishes && context.rules.has('canPublish')
      ? await context.rules.mayPublish(session.client, room, event, message.message)
      : success(message.message);
  if (!allowed.ok) return respond(allowed);
  if (!session.socket.connected) return respond(gone);
  if (!session.isIn(room)) await session.join({ room });
  const response = success(changed(session, [room]));
  if (!publishes) return respond(response);
  const published = context.publish(
    session.roomNamed(room),
    event,
    forMembers(message, allowed.value, session, context),
    {
      except: session.socket.id,
      ...senderOf(session, context),
    },
  );
  return { response: published.then((result) => (result.ok ? response : result)) };
}

/** Publishes to a room. */
export async function publish(
  session: Session,
  request: PublishRequest,
  context: RoomRequestsContext,
): Promise<Served> {
  const { room, event, id, echo, volatile } = request;
  const allowed = await mayPublish(session, request, context);
  if (!allowed.ok) return respond(allowed);
  return {
    response: context.publish(session.roomNamed(room), event, allowed.value, {
      keep: volatile ? 'no' : 'try',
      ...(volatile ? { volatile } : {}),
      ...(echo ? {} : { except: session.socket.id }),
      ...senderOf(session, context),
      ...(id === undefined ? {} : { id: idempotencyKeyOf(id, session.client.uid) }),
    }),
  };
}

/** Gives a member of a room the users in it. */
export async function presenceOf(
  session: Session,
  { room, limit = maxPresencePage, after }: PresenceRequest,
  { presenceIn }: RoomRequestsContext,
): Promise<Served> {
  if (!session.isIn(room)) return respond(failed('join_refused', 'only members of a room get its presence'));
  return respond(await presenceIn(session.roomNamed(room), limit, after ?? undefined));
}

function hasRoomFor(session: Session, rooms: readonly string[], { limits }: RoomRequestsContext): boolean {
  const more = new Set(rooms.filter((room) => !session.isIn(room))).size;
  return more === 0 || session.roomCount + more <= limits.roomsPerSocket;
}

/** Asks the server hook whether a client may join a room, unless it is in there. */
function mayJoin(session: Session, room: string, { rules }: RoomRequestsContext): Result<void> | Promise<Result<void>> {
  return session.isIn(room) || !rules.has('canJoin') ? allowed : rules.mayJoin(session.client, room);
}

/** Whether a client may publish. @returns the message, or the replacement of the server hook */
function mayPublish(
  session: Session,
  { room, event, message }: PublishRequest,
  { rules }: RoomRequestsContext,
): Result<unknown> | Promise<Result<unknown>> {
  if (rules.has('canPublish')) return rules.mayPublish(session.client, room, event, message);
  return session.isIn(room) ? success(message) : failed('publish_refused', 'the client is not in the room');
}

function senderOf({ client: { uid } }: Session, { senders }: RoomRequestsContext): { sender?: string } {
  return senders ? { sender: uid } : {};
}

/**
 * The message that members get for a {@link RoomMessage}: the client's whole object, with its uid in place of any
 * `sender` in it. If `canPublish` decides, no
 * more than `canPublish` has seen.
 */
function forMembers(object: RoomMessage, message: unknown, session: Session, context: RoomRequestsContext): object {
  const { room, event } = object;
  if (context.rules.has('canPublish')) return { room, event, message, ...senderOf(session, context) };
  return context.senders ? { ...object, ...senderOf(session, context) } : object;
}

/** The rooms that changed, and the number of rooms that the client is in: all their names would be too much for small requests. */
function changed({ roomCount }: Session, rooms: readonly string[]): { rooms: readonly string[]; count: number } {
  return { rooms: [...new Set(rooms)], count: roomCount };
}

function respond(result: Result<object>): Served {
  return { response: Promise.resolve(result) };
}

const allowed: Result<void> = success(undefined);
const gone = failed('client_gone', 'while the server hook ran');
