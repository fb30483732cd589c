/** A set that takes little memory while it has at most one element, as most sets that are kept for each client. */
export class SmallSet<T> implements Iterable<T> {
  #has = false;
  #one: T | undefined = undefined;
  /** All elements, once there were two. */
  #all: Set<T> | undefined = undefined;

  get size(): number {
    return this.#all?.size ?? (this.#has ? 1 : 0);
  }

  has(element: T): boolean {
    return this.#all?.has(element) ?? this.#is(element);
  }

  add(element: T): this {
    if (this.#all !== undefined) {
      this.#all.add(element);
    } else if (this.#has && !this.#is(element)) {
      this.#all = new Set([...this, element]);
      this.#forget();
    } else {
      this.#has = true;
      this.#one = element;
    }
    return this;
  }

  delete(element: T): boolean {
    if (this.#all !== undefined) return this.#all.delete(element);
    const had = this.#is(element);
    if (had) this.#forget();
    return had;
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.#all?.values() ?? (this.#has ? [this.#one as T] : []).values();
  }

  #is(element: T): boolean {
    return this.#has && Object.is(this.#one, element);
  }

  #forget(): void {
    this.#has = false;
    this.#one = undefined;
  }
}
