import { type Mark, type Noted, readHalf, readNotes } from '../notes/read-notes.ts';
import type { KernelSocket } from '../system/kernel-socket.ts';
import type { Orphan } from './giver-events.ts';
import type { Handed } from './handed.ts';

/** The notes of a taker. */
export interface TakerNotes {
  readonly descriptor: number;
  readonly slots: number;
}

/**
 * Whether another taker can continue a connection whose taker is dead: if the client has received whole frames only, and if what it has sent of an
 * incomplete message was noted.
 */
export function judgeOrphan(
  { descriptor, slot, generation, cameWithBytes }: Handed<unknown>,
  kernel: KernelSocket,
  notes: TakerNotes,
): Orphan {
  const noted = readNotes(notes.descriptor, notes.slots, { slot, generation });
  if (noted === undefined) return { taker: 'unclean', cause: 'not noted' };
  const counts = kernel.counts(descriptor);
  if (counts === undefined || counts.isEnding) return { taker: 'unclean', cause: 'client ended' };
  // It died before it read that it has the connection, so it has done nothing with it.
  if (noted.readAt === 0 && !cameWithBytes) return { taker: 'clean', marks: [], unread: undefined };
  const isAhead = counts.bytesOut === noted.aheadAt;
  if (!isAhead && counts.bytesOut !== noted.writtenAt) return { taker: 'unclean', cause: 'half written' };
  const isWhole = counts.bytesIn === noted.readAt;
  const unread = isWhole ? undefined : readHalf(notes.descriptor, notes.slots, noted.piece, counts.bytesIn);
  if (!isWhole && unread === undefined) return { taker: 'unclean', cause: 'half read' };
  const marks = marksIn(noted, isAhead);
  return marks === undefined ? { taker: 'unclean', cause: 'too many streams' } : { taker: 'clean', marks, unread };
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
function marksIn({ marks, ahead }: Noted, isAhead: boolean): readonly Mark[] | undefined {
  if (!isAhead || ahead.stream === 0) return marks;
  return marks && [...marks.filter(({ stream }) => stream !== ahead.stream), ahead];
}
