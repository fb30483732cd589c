import { createHash } from 'node:crypto';
import type { Position } from '@gopush/contract';

/** Where a listener stood. */
export interface Stood {
  /** When that was, in milliseconds since 1970. */
  readonly at: number;
  /** By rooms: `null` where a room kept nothing then, `undefined` where it was not heard. */
  of(room: string): Position | null | undefined;
}

/**
 * The id of an event says where its listener stands in all it hears, so that any push-server can go on from there: when, and for each room
 * four characters of a hash of its name, its epoch and its offset. Rooms may be named in another order, or others be added, when it comes back.
 */
export function writeEventId(at: number, parts: Iterable<string>): string {
  return [at.toString(36), ...parts].join('~');
}

/** The part of one room in an id. */
export function writePart(room: string, position: Position | null): string {
  return position === null ? hashOf(room) : `${hashOf(room)}.${position.epoch}.${position.offset}`;
}

/** Reads an id; `undefined` for what is none. */
export function readEventId(text: string): Stood | undefined {
  const [when = '', ...parts] = text.split('~');
  if (!/^[0-9a-z]{1,10}$/.test(when)) return undefined;
  const stood = new Map<string, Position | null>();
  for (const part of parts) {
    const [, hash = '', epoch, offset] = /^([\w-]{4})(?:\.([\w-]{1,64})\.(\d{1,15}))?$/.exec(part) ?? [];
    if (hash === '') return undefined;
    stood.set(hash, epoch === undefined ? null : { epoch, offset: Number(offset) });
  }
  return { at: Number.parseInt(when, 36), of: (room) => stood.get(hashOf(room)) };
}

function hashOf(room: string): string {
  return createHash('sha256').update(room).digest('base64url').slice(0, 4);
}
