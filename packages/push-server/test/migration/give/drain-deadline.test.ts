import { expect, test } from 'vitest';
import { DrainDeadline, shareOf } from '../../../src/migration/give/drain-deadline.ts';

test('several drains at once have the time of the longest', () => {
  const deadline = new DrainDeadline(60_000);
  deadline.extend(5_000, 1_000);
  expect([deadline.by, deadline.spareMs, deadline.stopBy]).toEqual([6_000, 500, 5_500]);
  deadline.extend(1_000, 2_000);
  expect(deadline.by).toBe(6_000);
  deadline.extend(5_000, 3_000);
  expect(deadline.by).toBe(8_000);
});

test('a quarter of a short drain is kept for clients that do not stop', () => {
  const deadline = new DrainDeadline(60_000);
  deadline.extend(400, 0);
  expect([deadline.spareMs, deadline.stopBy]).toEqual([100, 300]);
});

test('a deadline is put off while sessions leave, up to a limit', () => {
  const deadline = new DrainDeadline(12_000);
  deadline.extend(5_000, 0);
  deadline.left(4_000);
  expect([deadline.by, deadline.limit, deadline.stopMs]).toEqual([9_000, 12_000, 4_500]);
  deadline.left(8_900);
  expect(deadline.by).toBe(12_000);
  // It is over.
  deadline.left(12_000);
  expect(deadline.by).toBe(12_000);
  // A new one begins.
  deadline.extend(1_000, 20_000);
  deadline.left(20_500);
  expect([deadline.by, deadline.limit]).toEqual([21_500, 32_000]);
});

test('a drain that has more time than the limit has that', () => {
  const deadline = new DrainDeadline(1_000);
  deadline.extend(5_000, 0);
  deadline.left(3_000);
  expect(deadline.by).toBe(5_000);
});

test('a deadline is over at its time', () => {
  const deadline = new DrainDeadline(60_000);
  expect(deadline.isOver).toBe(true);
  deadline.extend(60_000);
  expect(deadline.isOver).toBe(false);
});

test('all sessions begin in half of the time, however many there are', () => {
  expect(shareOf(1_000, 8, 8)).toBe(500);
  expect(shareOf(1_000, 800, 8)).toBe(5);
  expect(shareOf(1_000, 0, 8)).toBe(4_000);
  expect(shareOf(-5, 8, 8)).toBe(0);
});
