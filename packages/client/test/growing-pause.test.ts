import { expect, test } from 'vitest';
import { GrowingPause } from '../src/growing-pause.ts';

/** Which of these times a pause was meant to be. */
const near = (ms: number, times: readonly number[]): number | undefined =>
  times.find((time) => ms >= 0.75 * time && ms < 1.25 * time);

test('pauses double up to the limit, vary, and begin anew after a success', () => {
  const pause = new GrowingPause(1_000, 4_000);
  const many = Array.from({ length: 20 }, () => new GrowingPause(1_000, 4_000).next());
  expect(new Set(many).size).toBeGreaterThan(10);
  const times = [1_000, 2_000, 4_000];
  const taken = Array.from({ length: 4 }, () => near(pause.next(), times));
  expect(taken).toEqual([1_000, 2_000, 4_000, 4_000]);
  pause.reset();
  expect(near(pause.next(), times)).toBe(1_000);
});
