import type { Target } from '@gopush/contract';

/**
 * Whether two lists have the same targets with the same weights, in the same order. If they have, the older array stays in use: lists are
 * compared by identity elsewhere.
 */
export function sameTargets(one: readonly Target[], other: readonly Target[]): boolean {
  return (
    one.length === other.length &&
    one.every((target, index) => target.name === other[index]?.name && target.weight === other[index]?.weight)
  );
}
