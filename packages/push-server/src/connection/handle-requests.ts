import {
  events,
  type Failure,
  failed,
  type JoinRequest,
  maxPresencePage,
  type PresenceRequest,
  type PublishRequest,
  parseJoins,
  parsePresence,
  parsePublish,
  parseRoomMessage,
  parseRooms,
  type Result,
  type RoomMessage,
  success,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Socket } from 'socket.io';
import type { Rules } from '../hook/rules.ts';
import type { Limits } from '../limits/limits.ts';
import { idempotencyKeyOf } from '../rooms/idempotency/idempotency-key.ts';
import type { Rooms } from '../rooms/open-rooms.ts';
import { type Session, sessionOf } from '../session/session.ts';
import { type AckFunction, ackOf, refuse } from './refuse.ts';

/** What rooms are handled with. */
export interface RequestsContext {
  readonly publish: Rooms['publish'];
  readonly presenceIn: Rooms['presenceIn'];
  readonly rules: Rules;
  readonly limits: Limits;
  /** Whether messages carry the uid of the client that published them. */
  readonly senders: boolean;
  readonly log: Logger;
}

/** What a client's ack gets besides `ok`. */
type Answer = Result<object>;

/**
 * What clients ask of rooms: enter, speak, leave, see who is there.
 *
 * @returns listens to a socket, with the same functions for all
 */
export function handleRequests({
  publish: say,
  presenceIn,
  rules,
  limits,
  senders,
  log,
}: RequestsContext): (socket: Socket) => void {
  const listeners: Record<string, (this: Socket, ...args: unknown[]) => void> = {
    [events.room](...args) {
      answer(this, args, parseRoomMessage(args[0]), speak);
    },
    [events.marks](...args) {
      sessionOf(this)?.askForMarks();
      ackOf(args)?.({ ok: true });
    },
    [events.join](...args) {
      answer(this, args, parseJoins(args[0]), enter);
    },
    [events.leave](...args) {
      answer(this, args, parseRooms(args[0]), leave);
    },
    [events.publish](...args) {
      answer(this, args, parsePublish(args[0]), publish);
    },
    [events.presence](...args) {
      answer(this, args, parsePresence(args[0]), lookAround);
    },
  };

  /** All of these rooms, or none. What was missed in them comes room by room. */
  async function enter(session: Session, requests: readonly JoinRequest[]): Promise<Later> {
    if (
      !hasRoomFor(
        session,
        requests.map(({ room }) => room),
      )
    )
      return at(failed('too_many_rooms'));
    if (!session.mayReplay && requests.some(({ from }) => from !== undefined)) return at(failed('too_many_requests'));
    const verdicts = await Promise.all(requests.map(({ room }) => mayJoin(session, room)));
    const refused = verdicts.find((verdict) => !verdict.ok);
    if (refused !== undefined) return at(refused);
    const joined = await session.join(...requests);
    if (joined.length < requests.length) return at(gone);
    return at(
      success({
        ...changed(
          session,
          requests.map(({ room }) => room),
        ),
        joined,
      }),
    );
  }

  async function leave(session: Session, rooms: readonly string[]): Promise<Later> {
    const left = rooms.filter((room) => session.leave(room));
    return at(success(changed(session, left)));
  }

  /** As in gopush 0.1: enters and speaks at once. Where either is refused, nothing is done. */
  async function speak(session: Session, message: RoomMessage): Promise<Later> {
    const { room, event, noBroadcast } = message;
    const speaks = event !== undefined && noBroadcast !== true;
    if (!hasRoomFor(session, [room])) return at(failed('too_many_rooms'));
    const verdict = await mayJoin(session, room);
    if (!verdict.ok) return at(verdict);
    // It joins the room first, so without `canPublish` there is nothing to ask.
    const allowed =
      speaks && rules.has('canPublish')
        ? await rules.mayPublish(session.client, room, event, message.message)
        : success(message.message);
    if (!allowed.ok) return at(allowed);
    if (!session.socket.connected) return at(gone);
    if (!session.isIn(room)) await session.join({ room });
    const answer = success(changed(session, [room]));
    if (!speaks) return at(answer);
    const said = say(session.roomNamed(room), event, toMembers(message, allowed.value, session), {
      except: session.socket.id,
      ...senderOf(session),
    });
    return { done: said.then((result) => (result.ok ? answer : result)) };
  }

  async function publish(session: Session, request: PublishRequest): Promise<Later> {
    const { room, event, message, id, echo, volatile } = request;
    const allowed = await mayPublish(session, room, event, message);
    if (!allowed.ok) return at(allowed);
    return {
      done: say(session.roomNamed(room), event, allowed.value, {
        keep: volatile ? 'no' : 'try',
        ...(volatile ? { volatile } : {}),
        ...(echo ? {} : { except: session.socket.id }),
        ...senderOf(session),
        ...(id === undefined ? {} : { id: idempotencyKeyOf(id, session.client.uid) }),
      }),
    };
  }

  async function lookAround(
    session: Session,
    { room, limit = maxPresencePage, after }: PresenceRequest,
  ): Promise<Later> {
    if (!session.isIn(room)) return at(failed('join_refused', 'only members of a room get its presence'));
    return at(await presenceIn(session.roomNamed(room), limit, after ?? undefined));
  }

  function hasRoomFor(session: Session, rooms: readonly string[]): boolean {
    const more = new Set(rooms.filter((room) => !session.isIn(room))).size;
    return more === 0 || session.roomCount + more <= limits.roomsPerSocket;
  }

  /** Who is in a room already does not enter it. */
  function mayJoin(session: Session, room: string): Result<void> | Promise<Result<void>> {
    return session.isIn(room) || !rules.has('canJoin') ? done : rules.mayJoin(session.client, room);
  }

  /** Whether a client may publish. @returns what is published: the message, or what the hook put in its place */
  function mayPublish(
    session: Session,
    room: string,
    event: string,
    message: unknown,
  ): Result<unknown> | Promise<Result<unknown>> {
    if (rules.has('canPublish')) return rules.mayPublish(session.client, room, event, message);
    return session.isIn(room) ? success(message) : failed('publish_refused', 'it is not in the room');
  }

  function senderOf({ client: { uid } }: Session): { sender?: string } {
    return senders ? { sender: uid } : {};
  }

  /**
   * What members get of a {@link RoomMessage}: the client's whole object, with its uid over whatever it wrote as `sender`. Where `canPublish`
   * decides, no more than it has seen.
   */
  function toMembers(object: RoomMessage, message: unknown, session: Session): object {
    const { room, event } = object;
    if (rules.has('canPublish')) return { room, event, message, ...senderOf(session) };
    return senders ? { ...object, ...senderOf(session) } : object;
  }

  function refuseAs(ack: AckFunction | undefined, failure: Failure): void {
    limits.refused(failure.code);
    refuse(ack, failure, log);
  }

  /** Does what was asked for and tells how it went, where the client wants to know. */
  function answer<T>(
    socket: Socket,
    args: unknown[],
    parsed: Result<T>,
    act: (session: Session, value: T) => Promise<Later>,
  ): void {
    const session = sessionOf(socket);
    if (session === undefined) return;
    const ack = ackOf(args);
    if (!parsed.ok) {
      refuseAs(ack, parsed.failure);
      return;
    }
    const tell = (result: Answer): void => {
      if (result.ok) ack?.({ ...result.value, ok: true });
      else refuseAs(ack, result.failure);
    };
    const failedToAct = (cause: unknown): void => refuseAs(ack, { code: 'internal', cause });
    // What a client asks is begun in the order in which it was asked; what the store takes its time for may end later.
    const task = (): Promise<void> =>
      // A session that goes on is in its rooms only when it has all that came since.
      session.begun
        .then(() => act(session, parsed.value))
        .then((later) => void later.done.then(tell, failedToAct), failedToAct);
    if (!session.requests.add(task)) refuseAs(ack, { code: 'too_many_requests' });
  }

  return (socket) => {
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
  };
}

/** What changed, and how many rooms that makes. All of them would be much for each of many small requests. */
function changed({ roomCount }: Session, rooms: readonly string[]): { rooms: readonly string[]; count: number } {
  return { rooms: [...new Set(rooms)], count: roomCount };
}

/** An answer that may come after the next request has begun. */
interface Later {
  readonly done: Promise<Answer>;
}

function at(result: Answer | Result<void>): Later {
  return { done: Promise.resolve(result as Answer) };
}

const done: Result<void> = success(undefined);
const gone = failed('client_gone', 'while the server hook ran');
