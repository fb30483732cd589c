/** Counts of messages published and delivered since the start. */
export interface PushCounts {
  published: number;
  /** Messages that were kept. */
  kept: number;
  /** Messages that could not be stored. */
  notKept: number;
  gaps: number;
  /** Messages with an id that were delivered here before, and not again. */
  repeated: number;
  /** Stored messages that could not be decoded: damaged, or written by another version. */
  undecodable: number;
  /** Clients that came back to a position in a room and were given all they had missed. */
  recovered: number;
  /** Clients that came back to a position that the room's history does not reach back to. */
  notRecovered: number;
}

/** Counts from zero. */
export function createPushCounts(): PushCounts {
  return {
    published: 0,
    kept: 0,
    notKept: 0,
    gaps: 0,
    repeated: 0,
    undecodable: 0,
    recovered: 0,
    notRecovered: 0,
  };
}
