import { kindOf } from './reading/kind-of.ts';
import { nameFault } from './reading/name.ts';
import { failed, type Result, success } from './result.ts';

/** Longest room or event name, in bytes of UTF-8. */
const maxNameBytes = 256;

/** Payload of `room` (unchanged from gopush 0.1): the client joins the room and, with an `event`, publishes to its other members. */
export interface RoomMessage {
  readonly room: string;
  /** The event for the other members; absent: only join. */
  readonly event?: string;
  readonly message?: unknown;
  /** Only join, publish nothing. */
  readonly noBroadcast?: boolean;
}

/** Event names between client and push-server. Names that start with `go:` are reserved: clients cannot publish them to a room. */
export const events = {
  /** Client → server: {@link RoomMessage}. */
  room: 'room',
  /** Client → server: join a room or a list of rooms, optionally from a position in its history: {@link JoinRequest}. */
  join: 'go:join',
  /** Client → server: {@link PublishRequest}. */
  publish: 'go:publish',
  /** Client → server: from now on room messages have further arguments: {@link AboutMessage} and their position. */
  marks: 'go:marks',
  /** Server → client: the position of the previous event. */
  mark: 'go:mark',
  /** Client → server: list the users in a room: {@link PresenceRequest}. */
  presence: 'go:presence',
  /** Server → client: the server closes this connection: {@link Closing}. */
  closing: 'go:closing',
  /** Server → client: {@link Gap}. */
  gap: 'go:gap',
  /** Server → client: the history of a room starts or restarts. The payload is that of {@link Gap}, but no message is missing. */
  epoch: 'go:epoch',
  /** Server → client: {@link PresenceEvent}. */
  presenceChange: 'go:presence',
  /** Server → client, with an ack that removes it from the inbox: {@link InboxMessage}. */
  inbox: 'go:inbox',
  /** Client → server: leave a room, or a list of rooms. */
  leave: 'go:leave',
  /** Server → client: the greeting of gopush 0.1, `"hello world"`. */
  push: 'go:push',
  /** Server → client: {@link Welcome}, once per connection. */
  welcome: 'go:welcome',
} as const;

/** Payload of `go:welcome`: the connection of a client. */
export interface Welcome {
  readonly uid: string;
  readonly product: string;
  /** Name of the agent without its machine, for example `agent-0`; `null` for a direct connection. */
  readonly agent: string | null;
  /** Name of the push-server without its machine, for example `push-server-0`. */
  readonly server: string;
}

/** A position in the history of a room. */
export interface Position {
  /** Identifies the history: offsets of different epochs are not comparable. */
  readonly epoch: string;
  /** Offset of the last message up to this position; 0: before the first message. */
  readonly offset: number;
}

/** A room to join: from now on, or from a position in its history. */
export interface JoinRequest {
  readonly room: string;
  /** The client first gets the messages after this position. */
  readonly from?: Position;
}

/** A room that was joined. */
export interface Joined {
  readonly room: string;
  /** Position of this client in the history; `null` if the room has no history. */
  readonly position: Position | null;
  /** Whether the client gets all messages after the position that it gave; absent: it gave none. */
  readonly recovered?: boolean;
}

/** Lists the users in a room, one page per request. */
export interface PresenceRequest {
  readonly room: string;
  /** Most users of the page, from 1 to 1,000. @defaultValue 1000 */
  readonly limit?: number;
  /** `next` of the previous page. @defaultValue the first page */
  readonly after?: string | null;
}

/** One page of the users in a room. */
export interface PresencePage {
  readonly users: readonly { readonly uid: string; readonly devices: number }[];
  /** `after` of the next page; `null`: this is the last page. */
  readonly next: string | null;
}

/** Payload of `go:publish`. */
export interface PublishRequest {
  readonly room: string;
  readonly event: string;
  readonly message?: unknown;
  /** Idempotency key: a message with the same id is published once within the time of the history. */
  readonly id?: string;
  /** Whether the sender gets the message too. @defaultValue false */
  readonly echo?: boolean;
  /** Whether the message is not stored, and dropped for clients that are behind. @defaultValue false */
  readonly volatile?: boolean;
}

/** Result of a publication to a room. */
export interface Published {
  /** Its position in the history; `null` if it was not stored. */
  readonly position: Position | null;
  /** Whether a message with this id was published before. If so, nothing was sent. */
  readonly duplicate: boolean;
  /** Present if the message was not stored, and other push-servers could not be reached: their clients miss it. */
  readonly partial?: true;
}

/** What the server adds to a room message, in a separate argument that clients cannot write. */
export interface AboutMessage {
  readonly room: string;
  /** Uid of the client that published it; `null`: a program published it. Absent if `pushServer.senders` is off. */
  readonly sender?: string | null;
  /** The id from its publisher: a message that was published while the store was down may arrive again when it is stored. */
  readonly id?: string;
}

/** Messages of a room that this client may have missed, and can no longer get. */
export interface Gap {
  readonly room: string;
  /** From this position on the client gets every message. */
  readonly position: Position;
}

/** Why the server closes a connection. The WebSocket close frame has its own code, and the failure code as reason. */
export interface Closing {
  /** A code of the failure table. */
  readonly code: string;
  readonly message: string;
}

/** A user joined a room with the first device, or left it with the last one. */
export interface PresenceEvent {
  readonly room: string;
  readonly uid: string;
  readonly change: 'joined' | 'left';
}

/** A message from the inbox of a user. */
export interface InboxMessage {
  readonly id: string;
  readonly event: string;
  readonly message: unknown;
  /** When it was stored, in milliseconds since 1970. */
  readonly at: number;
}

/** The ack of a client's request. */
export type Ack<T = { readonly rooms: readonly string[] }> =
  | (T & { readonly ok: true })
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

/** The greeting of gopush 0.1. */
export const greeting = 'hello world';

/** Events that Socket.IO reserves: emitting one throws, or would be taken for an event of the connection. */
const reserved: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/** Parses the payload of `room`. Failures: `payload_invalid`, `room_invalid`, `event_invalid`. */
export function parseRoomMessage(payload: unknown): Result<RoomMessage> {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    return failed('payload_invalid', `wanted { room, event?, message?, noBroadcast? }, found ${kindOf(payload)}`);
  }
  const { room, event, noBroadcast } = payload as Record<string, unknown>;
  const name = parseRoom(room);
  if (!name.ok) return name;
  if (noBroadcast !== undefined && typeof noBroadcast !== 'boolean') {
    return failed('payload_invalid', `noBroadcast is true or false, not ${kindOf(noBroadcast)}`);
  }
  if (event !== undefined) {
    const parsed = parseEvent(event);
    if (!parsed.ok) return parsed;
  }
  return success(payload as RoomMessage);
}

/** Parses an event name: `event_invalid` unless it is a string of 1 to 256 bytes without control characters that is not reserved. */
export function parseEvent(event: unknown): Result<string> {
  if (typeof event !== 'string') return failed('event_invalid', `an event is a string, not ${kindOf(event)}`);
  const fault = nameFault(event, maxNameBytes);
  if (fault !== undefined) return failed('event_invalid', `the event is ${fault}`);
  if (reserved.has(event) || event.startsWith('go:')) return failed('event_invalid', 'the event is reserved');
  return success(event);
}

/** Parses the payload of `go:publish`. Failures: `payload_invalid`, `room_invalid`, `event_invalid`. */
export function parsePublish(payload: unknown): Result<PublishRequest> {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    return failed(
      'payload_invalid',
      `wanted { room, event, message?, id?, echo?, volatile? }, found ${kindOf(payload)}`,
    );
  }
  const { room, event, message, id, echo = false, volatile = false } = payload as Record<string, unknown>;
  const name = parseRoom(room);
  if (!name.ok) return name;
  const known = parseEvent(event);
  if (!known.ok) return known;
  if (typeof echo !== 'boolean' || typeof volatile !== 'boolean') {
    return failed('payload_invalid', 'echo and volatile are true or false');
  }
  if (id !== undefined && (typeof id !== 'string' || nameFault(id, maxNameBytes) !== undefined)) {
    return failed('payload_invalid', `an id is a string of 1 to ${maxNameBytes} bytes`);
  }
  return success({
    room: name.value,
    event: known.value,
    message,
    echo,
    volatile,
    ...(id === undefined ? {} : { id }),
  });
}

/** Most users of one page of {@link PresenceRequest}. */
export const maxPresencePage = 1_000;

/** Longest `after` of a {@link PresenceRequest}, in bytes: a uid with its prefix. */
export const maxCursorBytes = 400;

/** Parses the payload of `go:presence`. Failures: `payload_invalid`, `room_invalid`. */
export function parsePresence(payload: unknown): Result<PresenceRequest> {
  const { room, limit = maxPresencePage, after } = (payload ?? {}) as Record<string, unknown>;
  const name = parseRoom(room);
  if (!name.ok) return name;
  if (!Number.isSafeInteger(limit) || (limit as number) < 1 || (limit as number) > maxPresencePage) {
    return failed('payload_invalid', `limit is a whole number from 1 to ${maxPresencePage}`);
  }
  if (after === undefined || after === null) return success({ room: name.value, limit: limit as number });
  if (typeof after !== 'string' || after === '' || Buffer.byteLength(after) > maxCursorBytes) {
    return failed('payload_invalid', 'after is `next` of the previous page');
  }
  return success({ room: name.value, limit: limit as number, after });
}

/** Most rooms that one call may name. */
const maxRoomsPerCall = 100;

/** Parses one room or a list of rooms to a list. Failures: `payload_invalid`, `room_invalid`. */
export function parseRooms(payload: unknown): Result<readonly string[]> {
  const list: readonly unknown[] = Array.isArray(payload) ? payload : [payload];
  if (list.length === 0 || list.length > maxRoomsPerCall) {
    return failed('payload_invalid', `wanted 1 to ${maxRoomsPerCall} rooms, found ${list.length}`);
  }
  const rooms: string[] = [];
  for (const one of list) {
    const room = parseRoom(one);
    if (!room.ok) return room;
    rooms.push(room.value);
  }
  return success(rooms);
}

/** Parses the payload of `go:join`: one room or a list, each a name or a {@link JoinRequest}. */
export function parseJoins(payload: unknown): Result<readonly JoinRequest[]> {
  const list: readonly unknown[] = Array.isArray(payload) ? payload : [payload];
  if (list.length === 0 || list.length > maxRoomsPerCall) {
    return failed('payload_invalid', `wanted 1 to ${maxRoomsPerCall} rooms, found ${list.length}`);
  }
  const joins: JoinRequest[] = [];
  for (const one of list) {
    const join = parseJoin(one);
    if (!join.ok) return join;
    joins.push(join.value);
  }
  return success(joins);
}

function parseJoin(payload: unknown): Result<JoinRequest> {
  if (typeof payload !== 'object' || payload === null) {
    const room = parseRoom(payload);
    return room.ok ? success({ room: room.value }) : room;
  }
  const { room, after, epoch } = payload as Record<string, unknown>;
  const name = parseRoom(room);
  if (!name.ok) return name;
  if (after === undefined) return success({ room: name.value });
  if (!Number.isSafeInteger(after) || (after as number) < 0)
    return failed('payload_invalid', 'after is a whole number from 0');
  if (typeof epoch !== 'string' || nameFault(epoch, maxNameBytes) !== undefined) {
    return failed('payload_invalid', 'after needs epoch, a string');
  }
  return success({ room: name.value, from: { epoch, offset: after as number } });
}

/** Parses a room name: `room_invalid` unless it is a string of 1 to 256 bytes without control characters. */
export function parseRoom(room: unknown): Result<string> {
  if (typeof room !== 'string') return failed('room_invalid', `a room is a string, not ${kindOf(room)}`);
  const fault = nameFault(room, maxNameBytes);
  return fault === undefined ? success(room) : failed('room_invalid', `the room is ${fault}`);
}
