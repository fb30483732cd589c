/** Most events of a stream that may come late. Beyond that all before them are given up. */
const maxMissing = 1_000;

/** A stream of numbered events of one node, as far as this node has it. */
export class EventStream {
  /** The last one that came. */
  latest: number;
  /** When it came, in milliseconds since 1970. */
  latestAt = 0;
  /** All events after this one have come and are kept, except those that are missing. */
  #wholeAfter: number;
  /** When the last event came that is not kept any more. */
  #forgottenAt = 0;
  readonly #missing = new Set<number>();

  /** @param first - the first event that comes: this node has not heard those before it */
  constructor(first: number) {
    this.latest = first - 1;
    this.#wholeAfter = first - 1;
  }

  /** An event has come. Events may overtake each other on their way. */
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

  /** An event is not kept any more. @param at - when it came */
  forget(offset: number, at: number): void {
    this.#wholeAfter = Math.max(this.#wholeAfter, offset);
    this.#forgottenAt = Math.max(this.#forgottenAt, at);
    for (const missing of this.#missing) if (missing <= this.#wholeAfter) this.#missing.delete(missing);
  }

  /** Whether all events after this one are here. */
  isWholeAfter(offset: number): boolean {
    if (offset < this.#wholeAfter) return false;
    for (const missing of this.#missing) if (missing > offset) return false;
    return true;
  }

  /** Whether all events since a time are here. */
  isWholeSince(time: number): boolean {
    return this.#missing.size === 0 && this.#forgottenAt < time;
  }
}
