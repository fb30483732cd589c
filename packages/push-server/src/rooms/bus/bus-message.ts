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
 * @throws Error if these are bytes of something else
 */
export function decodeBusMessage(bytes: Buffer): BusMessage {
  const message = decodeValue(bytes);
  if (!Array.isArray(message) || !hasForm(message)) throw new Error('these bytes are no message of a push-server');
  return message as unknown as BusMessage;
}

/** Whether the parts of a message are of the types that they should be. A kind of a later version is ignored by its receiver. */
function hasForm([kind, of, ...rest]: readonly unknown[]): boolean {
  switch (kind) {
    case 'kept': {
      const [epoch, offset, at, payload] = rest;
      return isText(of) && isText(epoch) && isOffset(offset) && isOffset(at) && payload instanceof Uint8Array;
    }
    case 'live':
      return isText(of) && rest[0] instanceof Uint8Array;
    case 'known':
      return isText(of) && isPosition(rest[0]);
    case 'move':
      return isText(of) && isText(rest[0]) && (rest[1] === 'join' || rest[1] === 'leave');
    case 'back':
      return Array.isArray(of) && of.every(isText);
    case 'inbox':
    case 'end':
    case 'taken':
      return isText(of);
    default:
      return isText(kind);
  }
}

function isPosition(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { epoch, offset } = value as Partial<Position>;
  return isText(epoch) && isOffset(offset);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The bytes of a decoded message, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
