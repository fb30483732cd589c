import type { Position } from '@gopush/contract';
import { decodeValue, encodeValue } from '@gopush/store';

/** What push-servers tell each other about the messages of a room. */
export type RoomMessage =
  /** A message was kept, at this position. */
  | readonly ['kept', room: string, epoch: string, offset: number, at: number, payload: Uint8Array]
  /** A message is not kept. */
  | readonly ['live', room: string, payload: Uint8Array, volatile: boolean]
  /** A message was published that is kept already, at this position. */
  | readonly ['known', room: string, position: Position];

/** What push-servers tell each other about users and sessions. Users are named by their uids after the scope of their product. */
export type Notice =
  /** Something new waits in the inbox of a user. */
  | readonly ['inbox', uid: string]
  /** All devices of a user are put into a room, or taken out of it. */
  | readonly ['move', uid: string, room: string, change: 'join' | 'leave']
  /** All connections of a user end. */
  | readonly ['end', uid: string]
  /** Clients came back to another node, which looks for their sessions. */
  | readonly ['back', pids: readonly string[]]
  /** A session that the receiver gave is taken. */
  | readonly ['taken', socket: string];

/** What push-servers tell each other. */
export type BusMessage = RoomMessage | Notice;

/** Encodes a message for other push-servers. */
export function encodeBusMessage(message: BusMessage): Buffer {
  return encodeValue(message);
}

/**
 * Decodes a message of another push-server.
 *
 * @throws Error where these are bytes of something else
 */
export function decodeBusMessage(bytes: Buffer): BusMessage {
  return decodeValue(bytes) as BusMessage;
}

/** The bytes of a decoded message, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
