/** Largest frame of a channel, in bytes. */
export const maxFrameBytes = 4 * 1_048_576;

/** Most bytes that may wait to be written to a channel; with more it counts as full. */
export const maxQueuedBytes = 64 * 1_048_576;

/** Most bytes of a client that go along with an `accept` or a `leave`. */
export const maxEarlyBytes = 2 * 1_048_576;

/** Most bytes of clients that a giver keeps for one taker until that has noted that it has read them. */
export const maxKeptEarlyBytes = 8 * 1_048_576;

/** Largest head of a request or a response, in bytes. */
export const maxHeadBytes = 128 * 1024;

/** Largest body of a response that is no upgrade, in bytes. */
export const maxBodyBytes = 256 * 1024;

/** Largest record that is kept with a connection, in bytes. */
export const maxRecordBytes = 16 * 1024;

/** Most offers of one channel that wait for a response, and most duplicates that wait to be confirmed. */
export const maxOpenOffers = 512;

/** Most offers that wait until they can be sent to a taker, and most bytes of their heads and records; with more a taker counts as full. */
export const maxWaitingOffers = 4_096;
export const maxWaitingBytes = 8 * 1_048_576;

/** Longest text of a cause, in bytes; longer ones are cut. */
export const maxCauseBytes = 200;
