import { inspect } from 'node:util';
import { many, none } from './instead-of-first.ts';

const newerMethods = [
  'union',
  'intersection',
  'difference',
  'symmetricDifference',
  'isSubsetOf',
  'isSupersetOf',
  'isDisjointFrom',
];

/**
 * A set that takes little memory while it has at most two elements, as most sets that are kept for each client. Programs can take it for a `Set`:
 * it is an instance of it, with all its methods. It has no private methods: V8 keeps a field for them in each object.
 */
export class SmallSet<T> implements Set<T> {
  /** The first element; `none`; or `many`, once there were three. */
  #first: unknown = none;
  /** The second element, if there is a first; `none`; or the set of all. */
  #second: unknown = none;

  get size(): number {
    if (this.#first === many) return (this.#second as Set<T>).size;
    if (this.#first === none) return 0;
    return this.#second === none ? 1 : 2;
  }

  get [Symbol.toStringTag](): string {
    return 'Set';
  }

  has(element: T): boolean {
    if (this.#first === many) return (this.#second as Set<T>).has(element);
    return Object.is(this.#first, element) || Object.is(this.#second, element);
  }

  add(element: T): this {
    if (this.#first === many) (this.#second as Set<T>).add(element);
    else if (this.has(element)) return this;
    else if (this.#first === none) this.#first = element;
    else if (this.#second === none) this.#second = element;
    else {
      this.#second = new Set([this.#first as T, this.#second as T, element]);
      this.#first = many;
    }
    return this;
  }

  delete(element: T): boolean {
    if (this.#first === many) return (this.#second as Set<T>).delete(element);
    if (!this.has(element)) return false;
    if (Object.is(this.#first, element)) this.#first = this.#second;
    this.#second = none;
    return true;
  }

  clear(): void {
    // Somebody may be going through the elements.
    if (this.#first === many) (this.#second as Set<T>).clear();
    this.#first = none;
    this.#second = none;
  }

  forEach(callback: (element: T, same: T, set: Set<T>) => void, thisArg?: unknown): void {
    for (const element of this) callback.call(thisArg, element, element, this);
  }

  values(): SetIterator<T> {
    if (this.#first === many) return (this.#second as Set<T>).values();
    if (this.#first === none) return ([] as T[]).values();
    return (this.#second === none ? [this.#first as T] : [this.#first as T, this.#second as T]).values();
  }

  keys(): SetIterator<T> {
    return this.values();
  }

  entries(): SetIterator<[T, T]> {
    return new Set(this).entries();
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }

  [inspect.custom](): Set<T> {
    return new Set(this);
  }

  static {
    // For `instanceof`.
    Object.setPrototypeOf(SmallSet.prototype, Set.prototype);
    // Methods of newer versions of JavaScript.
    for (const name of newerMethods) {
      const method: unknown = Reflect.get(Set.prototype, name);
      if (typeof method !== 'function') continue;
      const value = function (this: SmallSet<unknown>, other: unknown): unknown {
        return method.call(new Set(this), other);
      };
      Object.defineProperty(SmallSet.prototype, name, { value, writable: true, configurable: true });
    }
  }
}
