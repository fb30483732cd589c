/**
 * Whether all rows of the matrices run: `GOPUSH_TESTS=long npm test`. The usual run takes some of them: together they find each fault that the
 * others would find. `GOPUSH_CHAOS=full`, which makes the chaos tests larger, runs all rows as well.
 */
export const isLong = process.env.GOPUSH_TESTS === 'long' || process.env.GOPUSH_CHAOS === 'full';

/** The rows of the usual run, and in a long one the others. */
export function rows<T>(usual: readonly T[], others: readonly T[]): readonly T[] {
  return isLong ? [...usual, ...others] : usual;
}
