/** A map that takes little memory while it has at most one entry, as most maps that are kept for each client. */
export class SmallMap<K, V> implements Map<K, V> {
  #has = false;
  #key: K | undefined = undefined;
  #value: V | undefined = undefined;
  /** All entries, once there were two. */
  #all: Map<K, V> | undefined = undefined;

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#all?.size ?? (this.#has ? 1 : 0);
  }

  get [Symbol.toStringTag](): string {
    return 'Map';
  }

  has(key: K): boolean {
    return this.#all?.has(key) ?? this.#is(key);
  }

  get(key: K): V | undefined {
    if (this.#all !== undefined) return this.#all.get(key);
    return this.#is(key) ? this.#value : undefined;
  }

  set(key: K, value: V): this {
    if (this.#all !== undefined) {
      this.#all.set(key, value);
    } else if (this.#has && !this.#is(key)) {
      this.#all = new Map([...this, [key, value]]);
      this.#forget();
    } else {
      this.#has = true;
      this.#key = key;
      this.#value = value;
    }
    return this;
  }

  delete(key: K): boolean {
    if (this.#all !== undefined) return this.#all.delete(key);
    const had = this.#is(key);
    if (had) this.#forget();
    return had;
  }

  clear(): void {
    this.#all?.clear();
    this.#forget();
  }

  forEach(callback: (value: V, key: K, map: Map<K, V>) => void, thisArg?: unknown): void {
    for (const [key, value] of this) callback.call(thisArg, value, key, this);
  }

  entries(): MapIterator<[K, V]> {
    if (this.#all !== undefined) return this.#all.entries();
    return (this.#has ? [[this.#key as K, this.#value as V] as [K, V]] : []).values();
  }

  keys(): MapIterator<K> {
    return this.#all?.keys() ?? (this.#has ? [this.#key as K] : []).values();
  }

  values(): MapIterator<V> {
    return this.#all?.values() ?? (this.#has ? [this.#value as V] : []).values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  #is(key: K): boolean {
    return this.#has && Object.is(this.#key, key);
  }

  #forget(): void {
    this.#has = false;
    this.#key = undefined;
    this.#value = undefined;
  }
}
