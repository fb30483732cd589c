import { shortName } from './short-name.ts';
import { type CauseCount, mostListed } from './summary.ts';

/**
 * The entries with the largest values, largest first.
 *
 * @param most - how many
 */
export function topOf<T>(entries: Iterable<T>, most: number, sizeOf: (entry: T) => number): T[] {
  const all = [...entries];
  all.sort((a, b) => sizeOf(b) - sizeOf(a));
  return all.slice(0, most);
}

/** The most frequent causes. */
export function topCauses(counts: Iterable<readonly [string, number]>): CauseCount[] {
  const occurred = [...counts].filter(([, count]) => count > 0);
  return topOf(occurred, mostListed.causes, ([, count]) => count).map(([cause, count]) => ({
    cause: shortName(cause),
    count,
  }));
}
