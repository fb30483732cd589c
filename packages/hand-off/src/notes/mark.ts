/** How far a client was in one stream of messages. */
export interface Mark {
  /** Number of the stream, as the taker's program chose it. */
  readonly stream: number;
  /** The offset that the client has had. */
  readonly offset: number;
}
