import type { Mark } from '../notes/mark.ts';
import { type Noted, readHalf, readLast, readNotes } from '../notes/read-notes.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { Orphan } from './giver-events.ts';
import type { Handed } from './handed.ts';

/** The notes of a taker. */
export interface TakerNotes {
  readonly descriptor: number;
  readonly slots: number;
  /** Whether what it has read last stands there as well. */
  readonly hasLast: boolean;
}

/**
 * Whether another taker can continue a connection whose taker is dead: if the client has received whole frames only, and if what was read of it and
 * not handled is known.
 *
 * @param early - what it was sent of the client with the connection, if that is known
 */
export function judgeOrphan(
  { descriptor, slot, generation, cameWithBytes }: Handed<unknown>,
  kernel: KernelSocket,
  notes: TakerNotes,
  early: Buffer | undefined,
): Orphan {
  const noted = readNotes(notes.descriptor, notes.slots, { slot, generation });
  if (noted === undefined) return { taker: 'unclean', cause: 'not noted' };
  const counts = kernel.counts(descriptor);
  if (counts === undefined || counts.isEnding) return { taker: 'unclean', cause: 'client ended' };
  if (noted.readAt === 0) {
    // It died before it read that it has the connection, so it has done nothing with it. What was read last is of another client.
    const isKnown = early !== undefined || !cameWithBytes;
    return isKnown ? { taker: 'clean', marks: [], unread: early } : { taker: 'unclean', cause: 'half read' };
  }
  const isAhead = counts.bytesOut === noted.aheadAt;
  if (!isAhead && counts.bytesOut !== noted.writtenAt) return { taker: 'unclean', cause: 'half written' };
  const isWhole = counts.bytesIn === noted.readAt;
  const unread = isWhole ? undefined : unreadOf(noted, counts.bytesIn, notes);
  if (!isWhole && unread === undefined) return { taker: 'unclean', cause: 'half read' };
  const marks = marksIn(noted, isAhead);
  return marks === undefined ? { taker: 'unclean', cause: 'too many streams' } : { taker: 'clean', marks, unread };
}

/**
 * What a taker had read of a client, and not handled: the beginning of a message, or what it died with before it could even note that it had read it.
 *
 * @param bytesIn - what it had read in all
 */
function unreadOf(
  { readAt, piece }: Noted,
  bytesIn: number,
  { descriptor, slots, hasLast }: TakerNotes,
): Buffer | undefined {
  const half = readHalf(descriptor, slots, piece, bytesIn);
  if (half !== undefined || !hasLast) return half;
  const seen = Math.abs(readAt);
  const before = readAt === seen ? noBytes : readHalf(descriptor, slots, piece, seen);
  const last = readLast(descriptor, slots, bytesIn - seen);
  return before && last && Buffer.concat([before, last]);
}

const noBytes = Buffer.alloc(0);

/** Whether a taker may not have read yet that it has a connection. */
export function isUnread({ slot, generation }: Handed<unknown>, { descriptor, slots }: TakerNotes): boolean {
  return readNotes(descriptor, slots, { slot, generation })?.readAt === 0;
}

/** The messages that a client has had of a taker, by its notes. @returns `undefined`: not known */
export function marksOf(
  { descriptor, slot, generation }: Handed<unknown>,
  kernel: KernelSocket,
  notes: TakerNotes,
): readonly Mark[] | undefined {
  const noted = readNotes(notes.descriptor, notes.slots, { slot, generation });
  const counts = kernel.counts(descriptor);
  return noted && counts && marksIn(noted, counts.bytesOut === noted.aheadAt);
}

/** @param isAhead - whether the write has happened that was noted ahead */
function marksIn({ marks, ahead, others }: Noted, isAhead: boolean): readonly Mark[] | undefined {
  if (!isAhead || ahead.stream === 0 || marks === undefined) return marks;
  const last = new Map([...marks, ...others, ahead].map((mark) => [mark.stream, mark]));
  return [...last.values()];
}
