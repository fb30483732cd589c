import { kindOf } from './reading/kind-of.ts';
import { nameFault } from './reading/name.ts';
import { failed, type Result, success } from './result.ts';

/** Longest room or event name, in bytes of UTF-8. */
const maxNameBytes = 256;

/** What a client sends as `room` (unchanged from gopush 0.1): it enters the room, and with an `event` speaks to the others in it. */
export interface RoomMessage {
  readonly room: string;
  /** The event that the others in the room get; absent: only enter. */
  readonly event?: string;
  readonly message?: unknown;
  /** Only enter, say nothing. */
  readonly noBroadcast?: boolean;
}

/** Event names between client and push-server. Those that start with `go:` are the server's; clients cannot send them to a room. */
export const events = {
  /** Client → server: {@link RoomMessage}. */
  room: 'room',
  /** Client → server: enter a room or a list of them, perhaps from a place in their history: {@link JoinRequest}. */
  join: 'go:join',
  /** Client → server: {@link PublishRequest}. */
  publish: 'go:publish',
  /** Client → server: from now on messages of rooms have further arguments: {@link AboutMessage} and their mark. */
  marks: 'go:marks',
  /** Server → client: the mark of the event before. */
  mark: 'go:mark',
  /** Client → server: who is in a room: {@link PresenceRequest}. */
  presence: 'go:presence',
  /** Server → client: the server ends this connection: {@link Closing}. */
  closing: 'go:closing',
  /** Server → client: {@link Gap}. */
  gap: 'go:gap',
  /** Server → client: the history of a room begins, or begins anew; the same payload as {@link Gap}, but nothing is missing. */
  epoch: 'go:epoch',
  /** Server → client: {@link PresenceEvent}. */
  presenceChange: 'go:presence',
  /** Server → client, with an ack that ends its waiting: {@link InboxMessage}. */
  inbox: 'go:inbox',
  /** Client → server: leave a room, or a list of them. */
  leave: 'go:leave',
  /** Server → client: the greeting of gopush 0.1, `"hello world"`. */
  push: 'go:push',
  /** Server → client: {@link Welcome}, once per connection. */
  welcome: 'go:welcome',
} as const;

/** What a client is told about its connection. */
export interface Welcome {
  readonly uid: string;
  readonly product: string;
  /** Name of the agent in between, without that of its machine, as `agent-0`; `null` for a direct connection. */
  readonly agent: string | null;
  /** Name of the push-server, without that of its machine, as `push-server-0`. */
  readonly server: string;
}

/** A place in the history of a room. */
export interface Position {
  /** Names the history: offsets of different ones have nothing to do with each other. */
  readonly epoch: string;
  /** Of the last message before that place; 0 is the beginning. */
  readonly offset: number;
}

/** A room to enter: from now on, or from a place in its history on. */
export interface JoinRequest {
  readonly room: string;
  /** What came after this is given first. */
  readonly from?: Position;
}

/** A room that was entered. */
export interface Joined {
  readonly room: string;
  /** Where its history stands for this client; `null` where the room keeps none. */
  readonly position: Position | null;
  /** Whether the client now has all that came after the place it named; absent: it named none. */
  readonly recovered?: boolean;
}

/** Who is in a room, a page at a time. */
export interface PresenceRequest {
  readonly room: string;
  /** Most users of the page, from 1 to 1,000. @defaultValue 1000 */
  readonly limit?: number;
  /** `next` of the page before. @defaultValue the first page */
  readonly after?: string | null;
}

/** Some of the users in a room. */
export interface PresencePage {
  readonly users: readonly { readonly uid: string; readonly devices: number }[];
  /** To be given as `after` for the next page; `null`: this is the last one. */
  readonly next: string | null;
}

/** What a client says to a room. */
export interface PublishRequest {
  readonly room: string;
  readonly event: string;
  readonly message?: unknown;
  /** Saying the same with the same id again, within the time of the history, says it once. */
  readonly id?: string;
  /** Whether the sender is to get it, too. @defaultValue false */
  readonly echo?: boolean;
  /** Not kept, and left out where a client cannot take it now. @defaultValue false */
  readonly volatile?: boolean;
}

/** What became of something that was published to a room. */
export interface Published {
  /** Its place in the history; `null` where it was not kept. */
  readonly position: Position | null;
  /** Whether the same was published before with this id; then nothing was sent. */
  readonly duplicate: boolean;
  /** Present where it reached only clients of the push-server that took it: the others could not be reached, and it was not kept. */
  readonly partial?: true;
}

/** What the server says of a message of a room, in an argument of its own, which no client can write. */
export interface AboutMessage {
  readonly room: string;
  /** Uid of the client that published it; `null`: a program did. Absent where `pushServer.senders` is off. */
  readonly sender?: string | null;
  /** The id that its publisher gave it: a message that went out while the store was away may come again when it is kept. */
  readonly id?: string;
}

/** There may be messages of a room that this client did not get, and cannot get any more. */
export interface Gap {
  readonly room: string;
  /** From where the client has everything again. */
  readonly position: Position;
}

/** Why the server ends a connection; the WebSocket is closed with a code of its own and the failure code as reason. */
export interface Closing {
  /** A code of the failure table. */
  readonly code: string;
  readonly message: string;
}

/** Someone came into a room, or left it, with their last device. */
export interface PresenceEvent {
  readonly room: string;
  readonly uid: string;
  readonly change: 'joined' | 'left';
}

/** What waited for a user. */
export interface InboxMessage {
  readonly id: string;
  readonly event: string;
  readonly message: unknown;
  /** When it was put there, in milliseconds since 1970. */
  readonly at: number;
}

/** What a client's ack gets. */
export type Ack<T = { readonly rooms: readonly string[] }> =
  | (T & { readonly ok: true })
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

/** The greeting of gopush 0.1. */
export const greeting = 'hello world';

/** Events that Socket.IO keeps for itself: emitting one throws, or would be taken for the connection's own. */
const reserved: ReadonlySet<string> = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/** Takes what a client sent as `room` to a {@link RoomMessage}: `payload_invalid`, `room_invalid` or `event_invalid`. */
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

/** Takes the name of an event: `event_invalid` unless it is text of 1 to 256 bytes without control characters that is not reserved. */
export function parseEvent(event: unknown): Result<string> {
  if (typeof event !== 'string') return failed('event_invalid', `an event is a string, not ${kindOf(event)}`);
  const fault = nameFault(event, maxNameBytes);
  if (fault !== undefined) return failed('event_invalid', `the event is ${fault}`);
  if (reserved.has(event) || event.startsWith('go:')) return failed('event_invalid', 'the event is reserved');
  return success(event);
}

/** Takes what a client sent as `go:publish`: `payload_invalid`, `room_invalid` or `event_invalid`. */
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

/** Longest `after` of a {@link PresenceRequest}, in bytes: a uid with what stands before it. */
export const maxCursorBytes = 400;

/** Takes what a client sent as `go:presence`: `payload_invalid` or `room_invalid`. */
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

/** Takes what a client sent to enter or leave, one room or a list, to a list: `payload_invalid` or `room_invalid`. */
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

/** Takes what a client sent to enter rooms: one or a list, each a name or a {@link JoinRequest}. */
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

/** Takes a room name: `room_invalid` unless it is text of 1 to 256 bytes without control characters. */
export function parseRoom(room: unknown): Result<string> {
  if (typeof room !== 'string') return failed('room_invalid', `a room is a string, not ${kindOf(room)}`);
  const fault = nameFault(room, maxNameBytes);
  return fault === undefined ? success(room) : failed('room_invalid', `the room is ${fault}`);
}
