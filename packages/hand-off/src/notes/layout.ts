/**
 * Layout of the file in which a taker notes where messages end, in 64-bit floating-point numbers. Slot 0 is not used; after the slots come blocks for
 * connections with more streams than a slot has room for, then pieces for beginnings of messages, and then the bytes that were read last.
 */
export const slotNumbers = 16;

/** Offsets in a slot. */
export const slotFields = {
  /** Which connection the slot is for: slots are used again. 0: none. */
  generation: 0,
  /** Bytes written to the client up to the end of a complete frame, as the kernel counts; −1 while positions change. */
  writtenAt: 1,
  /**
   * Bytes read of the client up to the end of a message that was handled; 0: the taker has not read yet that it has the connection. Negative, since
   * version 3: so many were read, and not all of them are handled.
   */
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
  /** Number of the piece with the beginning of a message of the client, from 1; 0: none. Since version 2 of the protocol. */
  piece: 7,
  /** Pairs of stream and offset; stream 0: unused. */
  positions: 8,
} as const;

/** Streams that fit into a slot, and into a block. */
export const slotStreams = 4;
export const blockStreams = 60;

export const blockNumbers = 128;

/** Blocks that a file has. */
export const blocks = 8_192;

/**
 * Offsets in block 0, which is of no connection: the other streams of the write that was noted ahead last, since version 3. Only the notes of that
 * slot with that count ahead mean it.
 */
export const aheadFields = { slot: 0, aheadAt: 1, pairs: 2 } as const;

/** Most streams there. */
export const mostAhead = 60;

/** Longest beginning of a message that is kept, in bytes, and how many of them a file has. */
export const halfBytes = 65_536;
export const pieces = 512;

/** Offsets in a piece, in numbers; after these come the bytes. */
export const pieceFields = {
  /** Bytes read of the client, as the kernel counts, with which the beginning is as far as the bytes say. */
  readAt: 0,
  /** Number of the bytes. */
  length: 1,
  bytes: 2,
} as const;

export const pieceNumbers = pieceFields.bytes + halfBytes / 8;

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

export function firstPieceAt(slots: number): number {
  return firstBlockAt(slots) + (blocks + 1) * blockNumbers;
}

/** Size of the buffer into which a taker reads, in bytes: what libuv asks for. Since version 3 of the protocol. */
export const readBytes = 65_536;

/** Where that buffer begins, in bytes. */
export function readBufferAt(slots: number): number {
  return (firstPieceAt(slots) + (pieces + 1) * pieceNumbers) * 8;
}

/** Size of a file with a number of slots, in bytes. */
export function fileBytes(slots: number): number {
  return slots === 0 ? 0 : readBufferAt(slots) + readBytes;
}
