import { failed } from './failure.ts';
import { kindOf } from './identity.ts';
import { nameFault } from './name.ts';
import { type Result, success } from './result.ts';

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
  /** Client → server: enter a room, or a list of them. */
  join: 'go:join',
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
  /** Name of the agent in between; `null` for a direct connection. */
  readonly agent: string | null;
  /** Name of the push-server. */
  readonly server: string;
}

/** What a client's ack gets. */
export type Ack =
  | { readonly ok: true; readonly rooms: readonly string[] }
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
  if (typeof event !== 'string') return failed('event_invalid', `an event is text, not ${kindOf(event)}`);
  const fault = nameFault(event, maxNameBytes);
  if (fault !== undefined) return failed('event_invalid', `the event is ${fault}`);
  if (reserved.has(event) || event.startsWith('go:')) return failed('event_invalid', 'the event is reserved');
  return success(event);
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

/** Takes a room name: `room_invalid` unless it is text of 1 to 256 bytes without control characters. */
export function parseRoom(room: unknown): Result<string> {
  if (typeof room !== 'string') return failed('room_invalid', `a room is text, not ${kindOf(room)}`);
  const fault = nameFault(room, maxNameBytes);
  return fault === undefined ? success(room) : failed('room_invalid', `the room is ${fault}`);
}
