import {
  aheadFields,
  blockNumbers,
  blockStreams,
  blocks,
  slotFields as fields,
  firstBlockAt,
  firstPieceAt,
  halfBytes,
  mostAhead,
  noSlot,
  pieceFields,
  pieceNumbers,
  pieces,
  readBufferAt,
  readBytes,
  type SlotRef,
  slotNumbers,
  slotStreams,
} from './layout.ts';
import type { Mark } from './mark.ts';

/** Largest generation; small, so that it takes no memory of its own. */
const maxGeneration = 2 ** 30;

/**
 * Notes where the messages of each connection end. Others read it only after the death of this process, which may come
 * between any two stores: the count is invalid while positions change, so what they read is what was true at that
 * count, or not valid.
 */
export class Notes {
  /** All connections with notes read into this, one after the other: what the last one has read stands there until it is noted. */
  readonly readBuffer: Buffer;
  readonly #numbers: Float64Array;
  readonly #slots: number;
  readonly #freeSlots: number[] = [];
  readonly #freeBlocks: number[] = [];
  readonly #freePieces: number[] = [];
  #lastSlot = 0;
  #lastBlock = 0;
  #lastPiece = 0;
  #generation = 0;

  /** @param numbers - all zeros */
  constructor(numbers: Float64Array, slots: number) {
    this.#numbers = numbers;
    this.#slots = slots;
    this.readBuffer = Buffer.from(numbers.buffer, numbers.byteOffset + readBufferAt(slots), readBytes);
  }

  /** A slot for a connection; {@link noSlot} if there is none left. */
  open(): SlotRef {
    const slot = this.#freeSlots.pop() ?? (this.#lastSlot < this.#slots ? ++this.#lastSlot : 0);
    if (slot === 0) return noSlot;
    this.#generation = (this.#generation % maxGeneration) + 1;
    this.#numbers[slot * slotNumbers + fields.generation] = this.#generation;
    return { slot, generation: this.#generation };
  }

  close(slot: number): void {
    if (slot === 0) return;
    const at = slot * slotNumbers;
    const block = this.#numbers[at + fields.block] as number;
    if (block > 0) {
      const first = this.#blockAt(block);
      this.#numbers.fill(0, first, first + blockNumbers);
      this.#freeBlocks.push(block);
    }
    this.#dropPiece(at);
    const ahead = this.#blockAt(0) + aheadFields.slot;
    if (this.#numbers[ahead] === slot) this.#numbers[ahead] = 0;
    this.#numbers.fill(0, at, at + slotNumbers);
    this.#freeSlots.push(slot);
  }

  /** Adds what the kernel has counted before the first message. @param early - the last of those bytes that are still to be handled */
  begin(slot: number, bytesOut: number, bytesIn: number, early?: Buffer): void {
    if (slot === 0) return;
    const at = slot * slotNumbers;
    (this.#numbers[at + fields.writtenAt] as number) += bytesOut;
    if ((this.#numbers[at + fields.aheadAt] as number) > 0) (this.#numbers[at + fields.aheadAt] as number) += bytesOut;
    if (early === undefined || early.length === 0) this.#numbers[at + fields.readAt] = bytesIn;
    else {
      // Last: before, the giver has the early bytes.
      this.half(slot, bytesIn, early);
      this.sees(slot, bytesIn);
    }
  }

  /** Notes a write that is about to happen: it counts if the kernel has counted all of it, whenever this process dies. */
  writes(slot: number, bytes: number, stream: number, offset: number): void {
    if (slot === 0) return;
    this.#settle(slot);
    const numbers = this.#numbers;
    const at = slot * slotNumbers;
    numbers[at + fields.aheadAt] = -1;
    numbers[at + fields.aheadStream] = stream;
    numbers[at + fields.aheadOffset] = offset;
    numbers[at + fields.aheadAt] = (numbers[at + fields.writtenAt] as number) + bytes;
  }

  /**
   * Notes the other streams of a write, before it is noted itself: they stand where the next connection puts its own, so {@link Notes.wrote} has to
   * follow at once.
   */
  writesOthers(slot: number, bytes: number, others: readonly Mark[]): void {
    if (slot === 0) return;
    this.#settle(slot);
    const numbers = this.#numbers;
    const first = this.#blockAt(0);
    const aheadAt = (numbers[slot * slotNumbers + fields.writtenAt] as number) + bytes;
    numbers.fill(0, first, first + blockNumbers);
    for (const [index, { stream, offset }] of others.slice(0, mostAhead).entries()) {
      numbers[first + aheadFields.pairs + 2 * index] = stream;
      numbers[first + aheadFields.pairs + 2 * index + 1] = offset;
    }
    numbers[first + aheadFields.aheadAt] = aheadAt;
    numbers[first + aheadFields.slot] = slot;
  }

  /** Moves the other streams of the write that was noted ahead to their places. */
  #settleOthers(slot: number, aheadAt: number): void {
    const numbers = this.#numbers;
    const first = this.#blockAt(0);
    if (numbers[first + aheadFields.slot] !== slot || numbers[first + aheadFields.aheadAt] !== aheadAt) return;
    for (let at = first + aheadFields.pairs; numbers[at] !== 0; at += 2)
      this.#setPosition(slot, numbers[at] as number, numbers[at + 1] as number);
    numbers[first + aheadFields.slot] = 0;
  }

  wrote(slot: number, bytes: number, stream: number, offset: number): void {
    if (slot === 0) return;
    this.#settle(slot);
    if (bytes === 0 && stream === 0) return;
    const numbers = this.#numbers;
    const at = slot * slotNumbers + fields.writtenAt;
    const before = numbers[at] as number;
    numbers[at] = -1;
    if (stream !== 0) this.#setPosition(slot, stream, offset);
    numbers[at] = before + bytes;
  }

  read(slot: number, count: number): void {
    if (slot === 0) return;
    const at = slot * slotNumbers;
    this.#numbers[at + fields.readAt] = count;
    if (this.#numbers[at + fields.piece] !== 0) this.#dropPiece(at);
  }

  /** Notes that so many bytes were read, if that is not noted yet: how far they are handled is not known before the next note. */
  sees(slot: number, count: number): void {
    if (slot === 0) return;
    const at = slot * slotNumbers + fields.readAt;
    if (Math.abs(this.#numbers[at] as number) !== count) this.#numbers[at] = -count;
  }

  /**
   * Notes that what was read is handled up to the beginning of a message. It is written to a piece of its own, so that one of the two is true whenever
   * this process dies.
   */
  half(slot: number, count: number, bytes: Buffer): void {
    if (slot === 0 || bytes.length > halfBytes) return;
    const numbers = this.#numbers;
    const at = slot * slotNumbers;
    const known = numbers[at + fields.piece] as number;
    const fresh = this.#freePieces.pop() ?? (this.#lastPiece < pieces ? ++this.#lastPiece : 0);
    const piece = fresh || known;
    if (piece === 0) return;
    // No other is left: while it changes, nothing is known.
    if (fresh === 0) this.sees(slot, count);
    const first = firstPieceAt(this.#slots) + piece * pieceNumbers;
    numbers[first + pieceFields.readAt] = 0;
    new Uint8Array(numbers.buffer, numbers.byteOffset + (first + pieceFields.bytes) * 8, halfBytes).set(bytes);
    numbers[first + pieceFields.length] = bytes.length;
    numbers[first + pieceFields.readAt] = count;
    numbers[at + fields.piece] = piece;
    numbers[at + fields.readAt] = -count;
    if (fresh !== 0 && known !== 0) this.#freePieces.push(known);
  }

  #dropPiece(at: number): void {
    const piece = this.#numbers[at + fields.piece] as number;
    if (piece === 0) return;
    this.#numbers[at + fields.piece] = 0;
    this.#freePieces.push(piece);
  }

  /** The client does not follow a stream any more. */
  forget(slot: number, stream: number): void {
    if (slot === 0 || stream === 0) return;
    this.#settle(slot);
    const at = this.#find(slot, stream);
    if (at < 0) return;
    const writtenAt = slot * slotNumbers + fields.writtenAt;
    const before = this.#numbers[writtenAt] as number;
    this.#numbers[writtenAt] = -1;
    this.#numbers[at] = 0;
    this.#numbers[writtenAt] = before;
  }

  /**
   * The write that was noted ahead has happened: moves its numbers to their places. Until this has ended, readers use
   * the numbers that were noted ahead.
   */
  #settle(slot: number): void {
    const numbers = this.#numbers;
    const at = slot * slotNumbers;
    const count = numbers[at + fields.aheadAt] as number;
    if (count <= 0) return;
    const stream = numbers[at + fields.aheadStream] as number;
    if (stream !== 0) {
      numbers[at + fields.writtenAt] = -1;
      this.#settleOthers(slot, count);
      this.#setPosition(slot, stream, numbers[at + fields.aheadOffset] as number);
    }
    numbers[at + fields.writtenAt] = count;
    numbers[at + fields.aheadAt] = 0;
  }

  #setPosition(slot: number, stream: number, offset: number): void {
    let at = this.#find(slot, stream);
    if (at < 0) at = this.#room(slot);
    if (at < 0) {
      this.#numbers[slot * slotNumbers + fields.block] = -1;
      return;
    }
    this.#numbers[at] = stream;
    this.#numbers[at + 1] = offset;
  }

  /** Where there is room for another stream; negative: nowhere. */
  #room(slot: number): number {
    const at = this.#find(slot, 0);
    const block = slot * slotNumbers + fields.block;
    if (at >= 0 || this.#numbers[block] !== 0) return at;
    const fresh = this.#freeBlocks.pop() ?? (this.#lastBlock < blocks ? ++this.#lastBlock : 0);
    if (fresh === 0) return -1;
    this.#numbers[block] = fresh;
    return this.#blockAt(fresh);
  }

  #find(slot: number, stream: number): number {
    const at = slot * slotNumbers;
    const inSlot = this.#findIn(at + fields.positions, slotStreams, stream);
    const block = this.#numbers[at + fields.block] as number;
    return inSlot >= 0 || block <= 0 ? inSlot : this.#findIn(this.#blockAt(block), blockStreams, stream);
  }

  #findIn(first: number, count: number, stream: number): number {
    for (let at = first; at < first + 2 * count; at += 2) if (this.#numbers[at] === stream) return at;
    return -1;
  }

  #blockAt(block: number): number {
    return firstBlockAt(this.#slots) + block * blockNumbers;
  }
}
