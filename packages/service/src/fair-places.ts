/**
 * A fixed number of places for what lasts. While all are taken, the holder of most gives its oldest one to any that holds fewer: one that takes all it
 * can get keeps no other out.
 */
export class FairPlaces<Item> {
  readonly #most: number;
  readonly #renews: boolean;
  /** Who has each, oldest first. */
  readonly #owners = new Map<Item, string>();
  readonly #held = new Map<string, number>();

  /** @param renews - whether the holder of most gets a new place for its oldest. @defaultValue false: it gets none */
  constructor(most: number, renews = false) {
    this.#most = most;
    this.#renews = renews;
  }

  get size(): number {
    return this.#owners.size;
  }

  items(): Iterable<Item> {
    return this.#owners.keys();
  }

  /**
   * Takes a place.
   *
   * @param of - for whom
   * @param onLost - called with what has lost its place to this one
   * @returns `false` if there is none
   */
  enter(item: Item, of: string, onLost: (item: Item) => void): boolean {
    if (this.size >= this.#most) {
      const held = this.#held.get(of) ?? 0;
      const lost = this.#oldestOfWhoHasMore(this.#renews ? held - 1 : held + 1);
      if (lost === undefined) return false;
      this.leave(lost);
      onLost(lost);
    }
    this.#owners.set(item, of);
    this.#held.set(of, (this.#held.get(of) ?? 0) + 1);
    return true;
  }

  /** Gives a place back, if it has not been lost. */
  leave(item: Item): void {
    const of = this.#owners.get(item);
    if (of === undefined) return;
    this.#owners.delete(item);
    const held = (this.#held.get(of) ?? 1) - 1;
    if (held === 0) this.#held.delete(of);
    else this.#held.set(of, held);
  }

  #oldestOfWhoHasMore(than: number): Item | undefined {
    let greediest: string | undefined;
    let most = than;
    for (const [of, held] of this.#held) {
      if (held <= most) continue;
      greediest = of;
      most = held;
    }
    if (greediest === undefined) return undefined;
    for (const [item, of] of this.#owners) if (of === greediest) return item;
    return undefined;
  }
}
