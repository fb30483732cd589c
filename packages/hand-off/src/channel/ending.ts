/** How a connection ended at its taker. All of it is optional: a plain HTTP server knows none of it. */
export interface Ending {
  /** The WebSocket close code (RFC 6455 section 7.4). */
  readonly code?: number | undefined;
  /** Why it ended, in a few words; at most 200 bytes arrive. */
  readonly cause?: string | undefined;
  /** Messages of the client that the taker has read. */
  readonly messagesIn?: number | undefined;
  /** Messages that the taker has written to the client. */
  readonly messagesOut?: number | undefined;
}
