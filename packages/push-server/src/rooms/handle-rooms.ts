import {
  events,
  type Failure,
  failed,
  type Joined,
  type JoinRequest,
  type PublishRequest,
  parseJoins,
  parsePublish,
  parseRoom,
  parseRoomMessage,
  parseRooms,
  type Result,
  type RoomMessage,
  success,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Rules } from '../hook/rules.ts';
import type { Limits } from '../limits/limits.ts';
import { createLine } from '../line.ts';
import { type AckFunction, ackOf, refuse } from '../refuse.ts';
import type { Session } from '../session.ts';
import type { Push } from './push.ts';

/** What a client may ask of rooms while what it asked before is not decided. */
const maxWaiting = 1_000;

/** What a client's ack gets besides `ok`. */
type Answer = Result<object>;

/** What a client asks of rooms: enter, speak, leave, see who is there. */
export function handleRooms(session: Session, push: Push, rules: Rules, limits: Limits, log: Logger): void {
  const { socket, client } = session;
  const line = createLine(maxWaiting);
  socket.on(events.room, (...args: unknown[]) => answer(args, parseRoomMessage(args[0]), speak));
  socket.on(events.join, (...args: unknown[]) => answer(args, parseJoins(args[0]), enter));
  socket.on(events.leave, (...args: unknown[]) => answer(args, parseRooms(args[0]), leave));
  socket.on(events.publish, (...args: unknown[]) => answer(args, parsePublish(args[0]), publish));
  socket.on(events.presence, (...args: unknown[]) => {
    answer(args, parseRoom((args[0] as { room?: unknown } | undefined)?.room), lookAround);
  });

  /** All of these rooms, or none. What was missed in them comes room by room. */
  async function enter(requests: readonly JoinRequest[]): Promise<Later> {
    if (!hasRoomFor(requests.map(({ room }) => room))) return at(failed('too_many_rooms'));
    const verdicts = await Promise.all(requests.map(({ room }) => mayJoin(room)));
    const refused = verdicts.find((verdict) => !verdict.ok);
    if (refused !== undefined) return at(refused);
    const joined: Joined[] = [];
    for (const request of requests) {
      // Entering a room after the end would leave the socket there for ever.
      if (!socket.connected) return at(gone);
      joined.push(await session.join(request));
    }
    return at(success({ rooms: session.rooms, joined }));
  }

  async function leave(rooms: readonly string[]): Promise<Later> {
    for (const room of rooms) session.leave(room);
    return at(success({ rooms: session.rooms }));
  }

  /** As in gopush 0.1: enters and speaks at once. Where either is refused, nothing is done. */
  async function speak(message: RoomMessage): Promise<Later> {
    const { room, event, noBroadcast } = message;
    const speaks = event !== undefined && noBroadcast !== true;
    if (!hasRoomFor([room])) return at(failed('too_many_rooms'));
    const verdict = await mayJoin(room);
    if (!verdict.ok) return at(verdict);
    if (speaks && rules.has('canPublish')) {
      const allowed = await rules.mayPublish(client, room, event, message.message);
      if (!allowed.ok) return at(allowed);
    }
    if (!socket.connected) return at(gone);
    if (!session.isIn(room)) await session.join({ room });
    if (!speaks) return at(success({ rooms: session.rooms }));
    const said = push.toRoom(room, event, message, { except: socket.id });
    return { done: said.then((result) => (result.ok ? success({ rooms: session.rooms }) : result)) };
  }

  async function publish({ room, event, message, id, echo, volatile }: PublishRequest): Promise<Later> {
    if (rules.has('canPublish')) {
      const allowed = await rules.mayPublish(client, room, event, message);
      if (!allowed.ok) return at(allowed);
    } else if (!session.isIn(room)) return at(failed('publish_refused', 'it is not in the room'));
    return {
      done: push.toRoom(room, event, message, {
        keep: volatile ? 'no' : 'try',
        ...(volatile ? { volatile } : {}),
        ...(echo ? {} : { except: socket.id }),
        ...(id === undefined ? {} : { id }),
      }),
    };
  }

  async function lookAround(room: string): Promise<Later> {
    if (!session.isIn(room)) return at(failed('join_refused', 'who is in a room is told to those who are in it'));
    const users = await push.presence.room(room);
    return at(users.ok ? success({ users: users.value }) : users);
  }

  function hasRoomFor(rooms: readonly string[]): boolean {
    const more = new Set(rooms.filter((room) => !session.isIn(room))).size;
    return more === 0 || session.rooms.length + more <= limits.roomsPerSocket;
  }

  /** Who is in a room already does not enter it. */
  function mayJoin(room: string): Result<void> | Promise<Result<void>> {
    return session.isIn(room) || !rules.has('canJoin') ? done : rules.mayJoin(client, room);
  }

  function refuseAs(ack: AckFunction | undefined, failure: Failure): void {
    limits.refused(failure.code);
    refuse(ack, failure, log);
  }

  /** Does what was asked for and tells how it went, where the client wants to know. */
  function answer<T>(args: unknown[], parsed: Result<T>, act: (value: T) => Promise<Later>): void {
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
      session.begun.then(() => act(parsed.value)).then((later) => void later.done.then(tell, failedToAct), failedToAct);
    if (!line.add(task)) refuseAs(ack, { code: 'too_many_requests' });
  }
}

/** An answer that may come after the next request has begun. */
interface Later {
  readonly done: Promise<Answer>;
}

function at(result: Answer | Result<void>): Later {
  return { done: Promise.resolve(result as Answer) };
}

const done: Result<void> = success(undefined);
const gone = failed('client_gone', 'while it was decided');
