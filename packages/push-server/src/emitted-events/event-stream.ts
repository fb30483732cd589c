/** Most events that may be missing in a stream and come yet. What was before more of them is given up. */
const maxMissing = 1_000;

/** What this node has of a stream of numbered events: those that one node has sent. */
export class Stream {
  /** The last one that came. */
  latest: number;
  /** When it came, in milliseconds since 1970. */
  latestAt = 0;
  /** All after this one came and are kept, but for those that are missing. */
  #wholeAfter: number;
  /** When the last of those came that are not kept any more. */
  #forgottenAt = 0;
  readonly #missing = new Set<number>();

  /** @param first - the first one that comes: what was before it this node has not heard */
  constructor(first: number) {
    this.latest = first - 1;
    this.#wholeAfter = first - 1;
  }

  /** One has come. They may overtake each other on their way. */
  came(offset: number, at: number): void {
    this.latestAt = at;
    if (offset <= this.latest) {
      this.#missing.delete(offset);
      return;
    }
    if (offset - this.latest > maxMissing) this.forget(offset - 1, at);
    else for (let missing = this.latest + 1; missing < offset; missing++) this.#missing.add(missing);
    this.latest = offset;
    if (this.#missing.size > maxMissing) this.forget(offset - 1, at);
  }

  /** One is not kept any more. @param at - when it came */
  forget(offset: number, at: number): void {
    this.#wholeAfter = Math.max(this.#wholeAfter, offset);
    this.#forgottenAt = Math.max(this.#forgottenAt, at);
    for (const missing of this.#missing) if (missing <= this.#wholeAfter) this.#missing.delete(missing);
  }

  /** Whether all that came after this one is here. */
  isWholeAfter(offset: number): boolean {
    if (offset < this.#wholeAfter) return false;
    for (const missing of this.#missing) if (missing > offset) return false;
    return true;
  }

  /** Whether all that came since a time is here. */
  isWholeSince(time: number): boolean {
    return this.#missing.size === 0 && this.#forgottenAt < time;
  }
}
