/**
 * A fixed number of places for items that last. While all are taken, the owner of most loses its oldest place to any
 * owner that has fewer: an owner that takes all it can get keeps no other out.
 */
export class FairPlaces<Item> {
  readonly #most: number;
  readonly #renews: boolean;
  /** The owner of each place, oldest first. */
  readonly #owners = new Map<Item, string>();
  readonly #held = new Map<string, number>();

  /** @param renews - whether the owner of most gets a new place in exchange for its oldest. @defaultValue false */
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
   * @param owner - who takes it
   * @param onLost - called with the item that has lost its place to this one
   * @returns `false` if there is none
   */
  enter(item: Item, owner: string, onLost: (item: Item) => void): boolean {
    if (this.size >= this.#most) {
      const held = this.#held.get(owner) ?? 0;
      const lost = this.#oldestOfWhoHasMore(this.#renews ? held - 1 : held + 1);
      if (lost === undefined) return false;
      this.leave(lost);
      onLost(lost);
    }
    this.#owners.set(item, owner);
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + 1);
    return true;
  }

  /** Gives a place back, if it has not been lost. */
  leave(item: Item): void {
    const owner = this.#owners.get(item);
    if (owner === undefined) return;
    this.#owners.delete(item);
    const held = (this.#held.get(owner) ?? 1) - 1;
    if (held === 0) this.#held.delete(owner);
    else this.#held.set(owner, held);
  }

  #oldestOfWhoHasMore(than: number): Item | undefined {
    let greediest: string | undefined;
    let most = than;
    for (const [owner, held] of this.#held) {
      if (held <= most) continue;
      greediest = owner;
      most = held;
    }
    if (greediest === undefined) return undefined;
    for (const [item, owner] of this.#owners) if (owner === greediest) return item;
    return undefined;
  }
}
