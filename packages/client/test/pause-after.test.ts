import { expect, test } from 'vitest';
import { pauseAfter } from '../src/pause-after.ts';

test.each([
  [1, 2_000],
  [2, 4_000],
  [4, 16_000],
  [5, 30_000],
  [5_000, 30_000],
])('after %i failures in a row the pause is about %i ms, and varies', (failures, ms) => {
  const pauses = Array.from({ length: 50 }, () => pauseAfter(failures));
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0.75 * ms);
  expect(Math.max(...pauses)).toBeLessThan(1.25 * ms);
  expect(new Set(pauses).size).toBeGreaterThan(10);
});
