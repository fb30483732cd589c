import type { CauseCount } from '../summary/summary.ts';
import { topOf } from '../summary/top-list.ts';

/**
 * Sums counts by cause, most frequent first.
 *
 * @param most - how many causes
 */
export function joinCauses(lists: readonly (readonly CauseCount[])[], most: number): CauseCount[] {
  const sums = new Map<string, number>();
  for (const { cause, count } of lists.flat()) sums.set(cause, (sums.get(cause) ?? 0) + count);
  return topOf(sums, most, ([, count]) => count).map(([cause, count]) => ({ cause, count }));
}
