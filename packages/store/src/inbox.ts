/** Bounds of one inbox. Messages beyond any of them are rejected. */
export interface InboxBounds {
  /** Most waiting messages, at least 1. */
  readonly count: number;
  /** Largest sum of the waiting payloads in bytes, at least 1. */
  readonly bytes: number;
}

/** A message to put into an inbox. */
export interface NewMessage {
  readonly id: string;
  readonly payload: Buffer;
  /** After how long it expires, in milliseconds, at least 1. */
  readonly ttlMs: number;
}

/** A message that waits for its user. */
export interface WaitingMessage {
  /** Increases with each message of an inbox, not necessarily by 1. */
  readonly seq: number;
  readonly id: string;
  /** When it was put, in milliseconds since 1970. */
  readonly at: number;
  readonly payload: Buffer;
}

/** State of a message. `unknown`: never put, or expired. */
export type DeliveryStatus = 'waiting' | 'acked' | 'unknown';

/** Messages that wait for each user until they are acknowledged. */
export interface InboxStore {
  /**
   * Puts a message into a user's inbox. An id that is waiting, or was acknowledged before it expired, is a `duplicate`: nothing is added, and
   * `seq` is that of the first message, or 0 if that was acknowledged.
   *
   * @throws StoreError `inbox_full` and the others
   */
  put(
    uid: string,
    message: NewMessage,
    bounds: InboxBounds,
  ): Promise<{ readonly state: 'stored' | 'duplicate'; readonly seq: number }>;
  /**
   * Returns waiting messages in order, up to 4 MiB at a time: there may be more even if fewer than `limit` are returned.
   *
   * @param afterSeq - 0 for all
   * @param limit - most messages to return, at least 0
   */
  pending(uid: string, afterSeq: number, limit: number): Promise<readonly WaitingMessage[]>;
  /**
   * Acknowledges messages. The newest 10,000 acknowledged ids of each inbox are remembered until they expire.
   *
   * @returns how many of them were waiting
   */
  ack(uid: string, ids: readonly string[]): Promise<number>;
  status(uid: string, id: string): Promise<DeliveryStatus>;
}
