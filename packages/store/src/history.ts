/** Bounds of a room's history. Messages beyond any of them are removed, oldest first. */
export interface HistoryLimits {
  /** Most messages, at least 1. */
  readonly count: number;
  /** Largest age in milliseconds, at least 1. A room without messages for so long is removed together with its epoch. */
  readonly ageMs: number;
  /** Largest sum of the payloads in bytes, at least 1. The newest message is kept even if it alone is larger. */
  readonly bytes: number;
}

/** Position of an appended message. */
export interface Appended {
  /** Random text that identifies this log of the room. Offsets of different epochs cannot be compared. */
  readonly epoch: string;
  /** 1 for the first message of an epoch, and one more for each later one. */
  readonly offset: number;
  /** Whether a message with this idempotency key existed: then nothing was appended, and `offset` is that of the first. */
  readonly duplicate: boolean;
}

/** A message of a room. */
export interface KeptMessage {
  readonly offset: number;
  /** When it was appended, by the store's clock, in milliseconds since 1970. */
  readonly at: number;
  readonly payload: Buffer;
}

/** A part of a room's log. */
export interface HistoryPage {
  /** `undefined`: the room has no log. */
  readonly epoch: string | undefined;
  /** Oldest offset that is stored; `last + 1` if none is. A reader that continues after less than `first - 1` has a gap. */
  readonly first: number;
  /** Newest offset that was assigned; 0 without a log. */
  readonly last: number;
  /** Oldest first. */
  readonly messages: readonly KeptMessage[];
}

/** The last messages of each room. */
export interface HistoryStore {
  /**
   * Adds a message to the end of a room's log.
   *
   * @param idempotencyKey - a second message with this key within `ageMs` is not appended; the newest 10,000 keys of a room are remembered
   * @throws StoreError
   */
  append(room: string, payload: Buffer, limits: HistoryLimits, idempotencyKey?: string): Promise<Appended>;
  /**
   * Reads the messages after an offset, up to 4 MiB at a time: there may be more even if fewer than `limit` are returned.
   *
   * @param after - 0 for all stored messages
   * @param limit - most messages to return, at least 0
   * @throws StoreError
   */
  read(room: string, after: number, limit: number): Promise<HistoryPage>;
  /** Removes a room. Later messages have a new epoch. */
  removed(room: string): Promise<void>;
}
