import { expect, test } from 'vitest';
import { perMinute, perSecond, TokenBucket } from '../src/index.ts';

test('a bucket gives what comes in a second, and as much that was saved', () => {
  const bucket = new TokenBucket(perSecond(2), 0);
  expect([1, 2, 3].map(() => bucket.take(0))).toEqual([true, true, false]);
  expect([bucket.take(499), bucket.take(500), bucket.take(500)]).toEqual([false, true, false]);
  expect([bucket.isFull(1_000), bucket.isFull(1_500)]).toEqual([false, true]);
  expect([1, 2, 3].map(() => bucket.take(1_000_000))).toEqual([true, true, false]);
});

test('several tokens are taken together or not at all', () => {
  const bucket = new TokenBucket(perMinute(600), 0);
  expect([bucket.take(0, 601), bucket.take(0, 500), bucket.take(0, 101), bucket.take(0, 100)]).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect([bucket.take(999, 10), bucket.take(1_000, 10)]).toEqual([false, true]);
});

test('what was charged beyond the tokens there are has to be waited for', () => {
  const bucket = new TokenBucket(perSecond(10), 0);
  bucket.charge(20);
  expect(bucket.waitMs(0)).toBe(1_100);
  expect([bucket.take(1_099), bucket.take(1_100)]).toEqual([false, true]);
  expect(bucket.waitMs(1_100)).toBeCloseTo(100);
  expect(bucket.waitMs(1_200)).toBe(0);
});
