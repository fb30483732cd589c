/** Shortest time between two turns, in milliseconds. */
const turnMs = 250;

/**
 * Does some work for each of many once per period, spread evenly over it: at no moment for all at once.
 *
 * @param all - the ones there are now, in an order in which new ones come last
 * @returns stops it
 */
export function refreshEach<T>(all: () => Iterator<T>, periodMs: number, size: () => number, work: (one: T) => void) {
  const everyMs = Math.min(turnMs, periodMs / 5);
  let rest = all();
  /** Of those whose turn is in this round, in ones: fractions add up. */
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
