/** The last summary that a node has written. */
export interface KeptSummary {
  /** Id of the node. */
  readonly id: string;
  readonly payload: Buffer;
  /** How long ago it was written, in milliseconds, by the clock of the store. */
  readonly ageMs: number;
}

/** The summaries of all nodes. */
export interface KeptSummaries {
  /** The one that was written last comes first. */
  readonly kept: readonly KeptSummary[];
  /** Values that are too long to be a summary, so that they were not read. */
  readonly damaged: number;
}

/**
 * Keeps a summary that each node writes of itself, for views of the cluster. The last summary of a node that has ended stays for ten minutes, so that
 * it can be seen when it was there last.
 */
export interface SummaryStore {
  /**
   * Writes the summary of a node in place of its last one.
   *
   * @param payload - at most 16 KiB
   * @returns the command that was sent to this node meanwhile, once; `undefined`: none
   * @throws StoreError
   */
  write(id: string, payload: Buffer): Promise<Buffer | undefined>;
  /**
   * Sends a command to a node, which gets it with its next summary. One that does not write within ten seconds never gets it.
   *
   * @param command - at most 2 KiB
   * @returns `false` if another command waits for the node
   * @throws StoreError
   */
  send(id: string, command: Buffer): Promise<boolean>;
  /**
   * Reads the summaries of all nodes.
   *
   * @throws StoreError
   */
  read(): Promise<KeptSummaries>;
}

/** Largest summary, in bytes. */
export const maxSummaryBytes = 16_384;

/** Largest command, in bytes. */
export const maxCommandBytes = 2_048;

/** How long a command waits for its node, in milliseconds: a node that hung must not run a command that has expired. */
export const keepCommandMs = 10_000;

/** How long a summary is kept, in milliseconds. */
export const keepSummaryMs = 600_000;

/** A node that has not written for so long is silent, in milliseconds. */
export const silentSummaryMs = 10_000;

/** Most summaries of silent nodes, and of all nodes; the oldest are removed first. Processes that crash as soon as they start leave one each time. */
export const mostSummaries = { silent: 100, all: 1_000 };
