/**
 * Layout of the file in which a taker notes where messages end, in 64-bit floating-point numbers. Slot 0 is not used; after the slots come blocks for
 * connections with more streams than a slot has room for.
 */
export const slotNumbers = 16;

/** Offsets in a slot. */
export const slotFields = {
  /** Which connection the slot is for: slots are used again. 0: none. */
  generation: 0,
  /** Bytes written to the client up to the end of a complete frame, as the kernel counts; −1 while positions change. */
  writtenAt: 1,
  /** Bytes read of the client up to the end of a message that was handled. */
  readAt: 2,
  /** Number of its block, from 1; 0: none; −1: there are more streams than can be noted. */
  block: 3,
  /**
   * Bytes written to the client once a write is complete that was noted ahead, and a stream and an offset that the client has had then; 0: none was
   * noted ahead, or all of that is in the other numbers; −1 while these change.
   */
  aheadAt: 4,
  aheadStream: 5,
  aheadOffset: 6,
  /** Pairs of stream and offset; stream 0: unused. */
  positions: 8,
} as const;

/** Streams that fit into a slot, and into a block. */
export const slotStreams = 4;
export const blockStreams = 60;

export const blockNumbers = 128;

/** Blocks that a file has. */
export const blocks = 8_192;

/** A slot, and which of its connections. */
export interface SlotRef {
  readonly slot: number;
  readonly generation: number;
}

/** No slot: the taker notes nothing. */
export const noSlot: SlotRef = { slot: 0, generation: 0 };

export function firstBlockAt(slots: number): number {
  return (slots + 1) * slotNumbers;
}

/** Size of a file with a number of slots, in bytes. */
export function fileBytes(slots: number): number {
  return slots === 0 ? 0 : (firstBlockAt(slots) + (blocks + 1) * blockNumbers) * 8;
}
