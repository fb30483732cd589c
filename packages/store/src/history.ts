/** How much of a room is kept: whatever is above any of these goes, oldest first. */
export interface HistoryLimits {
  /** Messages, from 1 on. */
  readonly count: number;
  /** Age, in milliseconds, from 1 on. A room without messages for so long disappears with its epoch. */
  readonly ageMs: number;
  /** Sum of the payloads, in bytes, from 1 on. The newest message is kept even if it alone is larger. */
  readonly bytes: number;
}

/** Where a message came to be. */
export interface Appended {
  /** Random text that names this log of the room: offsets of different epochs have nothing to do with each other. */
  readonly epoch: string;
  /** 1 for the first message of an epoch, and 1 more for each next one. */
  readonly offset: number;
  /** A message of this idempotency key was there before: nothing was added, `offset` is its. */
  readonly duplicate: boolean;
}

/** A message of a room. */
export interface KeptMessage {
  readonly offset: number;
  /** When it was appended by the store's clock, in milliseconds since 1970. */
  readonly at: number;
  readonly payload: Buffer;
}

/** A part of a room's log. */
export interface HistoryPage {
  /** `undefined`: the room has no log. */
  readonly epoch: string | undefined;
  /** Oldest offset that is kept: a reader that asks for what is after less than `first - 1` has a gap. `last + 1` when none is kept. */
  readonly first: number;
  /** Newest offset that was given; 0 without a log. */
  readonly last: number;
  /** Oldest first. */
  readonly messages: readonly KeptMessage[];
}

/** The last messages of each room. */
export interface HistoryStore {
  /**
   * Adds a message to the end of a room's log.
   *
   * @param idempotencyKey - within `ageMs` a second message of this key is not added; the newest 10,000 keys of a room are remembered
   * @throws StoreError
   */
  append(room: string, payload: Buffer, limits: HistoryLimits, idempotencyKey?: string): Promise<Appended>;
  /**
   * Reads what comes after an offset, up to 4 MiB at a time: there may be more even where less than `limit` are given.
   *
   * @param after - 0 for all that is kept
   * @param limit - most messages to give, from 0 on
   * @throws StoreError
   */
  read(room: string, after: number, limit: number): Promise<HistoryPage>;
  /** Forgets a room. What is appended later has a new epoch. */
  removed(room: string): Promise<void>;
}
