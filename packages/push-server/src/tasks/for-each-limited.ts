/** Most items at a time. */
const atOnce = 64;

/**
 * Does some work for each of many items, a few at a time, so that clients are still served meanwhile. An item that is removed from a live iterator
 * before its turn is skipped.
 */
export async function forEachLimited<T>(all: Iterable<T>, work: (one: T) => Promise<unknown>): Promise<void> {
  const rest = all[Symbol.iterator]();
  async function worker(): Promise<void> {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value);
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
}
