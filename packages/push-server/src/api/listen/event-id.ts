import { createHash } from 'node:crypto';
import type { Position } from '@gopush/contract';

/** The positions of a listener. */
export interface ListenerPositions {
  /** When it had them, in milliseconds since 1970. */
  readonly at: number;
  /** Its position in a room; `null`: the room had no history then; `undefined`: it did not listen to the room. */
  of(room: string): Position | null | undefined;
}

/**
 * Writes the id of an event. It holds the positions of its listener in all rooms, so that any push-server can continue
 * from there: the time, and for each room four characters of a hash of its name, the epoch and the offset. When the
 * listener comes back, it may name its rooms in another order, and others besides.
 */
export function writeEventId(at: number, parts: Iterable<string>): string {
  return [at.toString(36), ...parts].join('~');
}

/** Writes the part of one room in an id. */
export function writePart(room: string, position: Position | null): string {
  return position === null ? hashOf(room) : `${hashOf(room)}.${position.epoch}.${position.offset}`;
}

/** Reads an id; `undefined`: it is malformed. */
export function readEventId(text: string): ListenerPositions | undefined {
  const [when = '', ...parts] = text.split('~');
  if (!/^[0-9a-z]{1,10}$/.test(when)) return undefined;
  const positions = new Map<string, Position | null>();
  for (const part of parts) {
    const [, hash = '', epoch, offset] = /^([\w-]{4})(?:\.([\w-]{1,64})\.(\d{1,15}))?$/.exec(part) ?? [];
    if (hash === '') return undefined;
    positions.set(hash, epoch === undefined ? null : { epoch, offset: Number(offset) });
  }
  return { at: Number.parseInt(when, 36), of: (room) => positions.get(hashOf(room)) };
}

function hashOf(room: string): string {
  return createHash('sha256').update(room).digest('base64url').slice(0, 4);
}
