/** What is there now, or later. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with what is there now at once: most hooks promise nothing, and a promise for each step of each request would be dear. */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
