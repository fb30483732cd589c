/** How much one inbox may hold: beyond any of these nothing more is taken. */
export interface InboxBounds {
  /** Waiting messages, from 1 on. */
  readonly count: number;
  /** Sum of the waiting payloads, in bytes, from 1 on. */
  readonly bytes: number;
}

/** A message that waits for its user. */
export interface WaitingMessage {
  /** Goes up with each message of an inbox, not by 1. */
  readonly seq: number;
  readonly id: string;
  /** When it was put, in milliseconds since 1970. */
  readonly at: number;
  readonly payload: Buffer;
}

/** What has become of a message. `unknown`: never put, or expired. */
export type DeliveryStatus = 'waiting' | 'acked' | 'unknown';

/** What waits for each user until it is acknowledged. */
export interface InboxStore {
  /**
   * Puts a message into a user's inbox. An id that waits, or was acknowledged within its time, is a `duplicate`: nothing is added, and
   * `seq` is that of the first one, 0 when it was acknowledged already.
   *
   * @param ttlMs - after how long it expires, from 1 on, in milliseconds
   * @throws StoreError `inbox_full` and the others
   */
  put(
    uid: string,
    id: string,
    payload: Buffer,
    options: { readonly ttlMs: number },
    bounds: InboxBounds,
  ): Promise<{ readonly state: 'stored' | 'duplicate'; readonly seq: number }>;
  /**
   * What waits, in order, up to 4 MiB at a time: there may be more even where less than `limit` are given.
   *
   * @param afterSeq - 0 for all
   * @param limit - most messages to give, from 0 on
   */
  pending(uid: string, afterSeq: number, limit: number): Promise<readonly WaitingMessage[]>;
  /**
   * Ends the waiting of messages. Of each inbox the newest 10,000 acknowledged ids are remembered until their time is over.
   *
   * @returns how many of them were waiting
   */
  ack(uid: string, ids: readonly string[]): Promise<number>;
  status(uid: string, id: string): Promise<DeliveryStatus>;
}
