import { readSync } from 'node:fs';
import {
  aheadFields,
  blockNumbers,
  blockStreams,
  readBytes as bufferBytes,
  slotFields as fields,
  firstBlockAt,
  firstPieceAt,
  halfBytes,
  mostAhead,
  pieceFields,
  pieceNumbers,
  pieces,
  readBufferAt,
  type SlotRef,
  slotNumbers,
  slotStreams,
} from './layout.ts';
import type { Mark } from './mark.ts';

/** The notes of a dead taker about a connection. */
export interface Noted {
  readonly writtenAt: number;
  /** The same once a write is complete that was noted ahead; not above 0: there was none. */
  readonly aheadAt: number;
  /** What the client has had then. */
  readonly ahead: Mark;
  /** And before it, of other streams, in their order. */
  readonly others: readonly Mark[];
  /** Negative: so many were read, and not all of them are handled. */
  readonly readAt: number;
  /** Number of the piece with the beginning of a message; 0: none. */
  readonly piece: number;
  /** `undefined`: there were too many streams. */
  readonly marks: readonly Mark[] | undefined;
}

const numbers = new Float64Array(blockNumbers);

/** Reads the notes of a connection from the file of its taker. @returns `undefined` if there are none */
export function readNotes(descriptor: number, slots: number, { slot, generation }: SlotRef): Noted | undefined {
  if (slot === 0 || slot > slots || !readNumbers(descriptor, slot * slotNumbers, slotNumbers)) return undefined;
  if (numbers[fields.generation] !== generation) return undefined;
  const writtenAt = numbers[fields.writtenAt] as number;
  const readAt = numbers[fields.readAt] as number;
  const block = numbers[fields.block] as number;
  const piece = numbers[fields.piece] as number;
  const aheadAt = numbers[fields.aheadAt] as number;
  const ahead = { stream: numbers[fields.aheadStream] as number, offset: numbers[fields.aheadOffset] as number };
  if (block < 0) return { writtenAt, aheadAt, ahead, others: [], readAt, piece, marks: undefined };
  const marks = marksIn(fields.positions, slotStreams);
  if (block > 0) {
    if (!readNumbers(descriptor, firstBlockAt(slots) + block * blockNumbers, blockNumbers)) return undefined;
    marks.push(...marksIn(0, blockStreams));
  }
  const others = aheadAt > 0 && ahead.stream !== 0 ? othersAhead(descriptor, slots, slot, aheadAt) : [];
  return others && { writtenAt, aheadAt, ahead, others, readAt, piece, marks };
}

/** The marks of other streams that were noted ahead with a write. */
function othersAhead(descriptor: number, slots: number, slot: number, aheadAt: number): readonly Mark[] | undefined {
  if (!readNumbers(descriptor, firstBlockAt(slots), blockNumbers)) return undefined;
  const isMeant = numbers[aheadFields.slot] === slot && numbers[aheadFields.aheadAt] === aheadAt;
  return isMeant ? marksIn(aheadFields.pairs, mostAhead) : [];
}

/** The beginning of a message with which a client's bytes end at a count. @returns `undefined` if it is not known */
export function readHalf(descriptor: number, slots: number, piece: number, count: number): Buffer | undefined {
  if (!Number.isInteger(piece) || piece < 1 || piece > pieces) return undefined;
  const first = firstPieceAt(slots) + piece * pieceNumbers;
  if (!readNumbers(descriptor, first, pieceFields.bytes) || numbers[pieceFields.readAt] !== count) return undefined;
  const length = numbers[pieceFields.length] as number;
  if (!Number.isInteger(length) || length < 0 || length > halfBytes) return undefined;
  const bytes = Buffer.alloc(length);
  return readBytes(descriptor, bytes, (first + pieceFields.bytes) * 8) ? bytes : undefined;
}

/** The bytes that a taker has read last. @returns `undefined` if there cannot be so many */
export function readLast(descriptor: number, slots: number, count: number): Buffer | undefined {
  if (count < 1 || count > bufferBytes) return undefined;
  const bytes = Buffer.alloc(count);
  return readBytes(descriptor, bytes, readBufferAt(slots)) ? bytes : undefined;
}

function marksIn(first: number, count: number): Mark[] {
  const marks: Mark[] = [];
  for (let at = first; at < first + 2 * count; at += 2) {
    const stream = numbers[at] as number;
    if (stream !== 0) marks.push({ stream, offset: numbers[at + 1] as number });
  }
  return marks;
}

/** Reads rather than maps: the file may be shorter than its taker has said. */
function readNumbers(descriptor: number, first: number, count: number): boolean {
  return readBytes(descriptor, new Uint8Array(numbers.buffer, 0, count * 8), first * 8);
}

function readBytes(descriptor: number, bytes: Uint8Array, at: number): boolean {
  try {
    return readSync(descriptor, bytes, 0, bytes.length, at) === bytes.length;
  } catch {
    return false;
  }
}
