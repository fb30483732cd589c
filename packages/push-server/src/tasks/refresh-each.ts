/** Longest time between two turns, in milliseconds. */
const turnMs = 250;

/**
 * Does some work for each of many items once in a period, spread evenly over it.
 *
 * @param all - an iterator over the current items, with new ones last
 * @param size - the current number of items
 * @returns stops it
 */
export function refreshEach<T>(all: () => Iterator<T>, periodMs: number, size: () => number, work: (one: T) => void) {
  const everyMs = Math.min(turnMs, periodMs / 5);
  let rest = all();
  /** How many items are due. Fractions add up. */
  let due = 0;
  const timer = setInterval(() => {
    due += (size() * everyMs) / periodMs;
    for (; due >= 1; due--) {
      let next = rest.next();
      if (next.done === true) {
        rest = all();
        next = rest.next();
      }
      if (next.done === true) {
        due = 0;
        return;
      }
      work(next.value);
    }
  }, everyMs).unref();
  return (): void => clearInterval(timer);
}
