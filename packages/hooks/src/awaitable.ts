/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Continues synchronously with a value that is no promise: most hooks return none, and a promise for each step of each
 * request would be expensive.
 */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
