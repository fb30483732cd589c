import { many, none } from './instead-of-first.ts';

/**
 * A map that takes little memory while it has at most one entry, as most maps that are kept for each client. It has no private methods: V8 keeps
 * a field for them in each object.
 */
export class SmallMap<K, V> implements Map<K, V> {
  /** The only key; `none`; or `many`, once there were two. */
  #key: unknown = none;
  /** The value of the only key; or the map of all entries. */
  #value: unknown = undefined;

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    if (this.#key === many) return (this.#value as Map<K, V>).size;
    return this.#key === none ? 0 : 1;
  }

  get [Symbol.toStringTag](): string {
    return 'Map';
  }

  has(key: K): boolean {
    return this.#key === many ? (this.#value as Map<K, V>).has(key) : Object.is(this.#key, key);
  }

  get(key: K): V | undefined {
    if (this.#key === many) return (this.#value as Map<K, V>).get(key);
    return Object.is(this.#key, key) ? (this.#value as V) : undefined;
  }

  set(key: K, value: V): this {
    if (this.#key === many) {
      (this.#value as Map<K, V>).set(key, value);
    } else if (this.#key === none || Object.is(this.#key, key)) {
      this.#key = key;
      this.#value = value;
    } else {
      this.#value = new Map([...this, [key, value]]);
      this.#key = many;
    }
    return this;
  }

  delete(key: K): boolean {
    if (this.#key === many) return (this.#value as Map<K, V>).delete(key);
    if (!Object.is(this.#key, key)) return false;
    this.clear();
    return true;
  }

  clear(): void {
    // Somebody may be going through the entries.
    if (this.#key === many) (this.#value as Map<K, V>).clear();
    this.#key = none;
    this.#value = undefined;
  }

  forEach(callback: (value: V, key: K, map: Map<K, V>) => void, thisArg?: unknown): void {
    for (const [key, value] of this) callback.call(thisArg, value, key, this);
  }

  entries(): MapIterator<[K, V]> {
    if (this.#key === many) return (this.#value as Map<K, V>).entries();
    return (this.#key === none ? [] : [[this.#key as K, this.#value as V] as [K, V]]).values();
  }

  keys(): MapIterator<K> {
    if (this.#key === many) return (this.#value as Map<K, V>).keys();
    return (this.#key === none ? [] : [this.#key as K]).values();
  }

  values(): MapIterator<V> {
    if (this.#key === many) return (this.#value as Map<K, V>).values();
    return (this.#key === none ? [] : [this.#value as V]).values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
