/** The parts of a chunk with hidden frames that go to the client. */
export interface VisibleParts {
  /** Copies of the first parts. */
  readonly first: readonly Buffer[];
  /** The rest of the chunk that goes to the client; empty if `from` is not below `until`. */
  readonly from: number;
  readonly until: number;
}

/** A part of a chunk that is hidden; it begins below 0 if that was in an earlier chunk. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts those control frames out of a target's stream that are for the agent. A control frame at the end of a chunk that
 * is not complete is kept until it is: only then is known for whom it is.
 */
export class HiddenFrames {
  /** A control frame that is not complete. */
  #partial: Buffer | undefined;
  /** The hidden frames of the current chunk, in order. */
  #cuts: Cut[] | undefined;

  /** Whether all of a chunk is for the client, unless it ends within a control frame. */
  get areNone(): boolean {
    return this.#partial === undefined && this.#cuts === undefined;
  }

  /** Hides a frame of the current chunk. @param size - its bytes; more than `end` if it began in an earlier chunk */
  hide(end: number, size: number): void {
    this.#cuts ??= [];
    this.#cuts.push({ start: end - size, end });
  }

  /**
   * Ends the current chunk.
   *
   * @param openBytes - how many bytes at its end are of a control frame that is not complete; more than `length` if it began in an earlier chunk
   */
  cut(chunk: Buffer, length: number, openBytes: number): VisibleParts {
    const partial = this.#partial;
    const cuts = this.#cuts ?? [];
    this.#partial = undefined;
    this.#cuts = undefined;
    // Still the same control frame.
    if (openBytes > length) {
      const fresh = chunk.subarray(0, length);
      this.#partial = partial === undefined ? Buffer.from(fresh) : Buffer.concat([partial, fresh]);
      return { first: [], from: 0, until: 0 };
    }
    const first: Buffer[] = [];
    // Only the first hidden frame can have begun in an earlier chunk.
    const isPartialHidden = cuts[0] !== undefined && cuts[0].start < 0;
    if (partial !== undefined && !isPartialHidden) first.push(partial);
    let from = 0;
    for (const { start, end } of cuts) {
      if (start > from) first.push(Buffer.from(chunk.subarray(from, start)));
      from = end;
    }
    const until = length - openBytes;
    if (openBytes > 0) this.#partial = Buffer.from(chunk.subarray(until, length));
    return { first, from, until };
  }

  /** Another target sends from now on. */
  reset(): void {
    this.#partial = undefined;
    this.#cuts = undefined;
  }
}
