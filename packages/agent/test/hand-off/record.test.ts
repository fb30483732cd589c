import { afterEach, expect, test, vi } from 'vitest';
import { readOpenedAt, writeOpenedAt } from '../../src/hand-off/record.ts';

const day = 86_400_000;

afterEach(() => void vi.useRealTimers());

test('a connection is not older for the next agent if the clock was set meanwhile', () => {
  const openedAt = performance.now() - 5_000;
  const written = writeOpenedAt(openedAt);
  vi.useFakeTimers({ now: Date.now() + day, toFake: ['Date'] });
  expect(readOpenedAt(written)).toBeCloseTo(openedAt, -1);
});

test('the age of a connection is known if an agent of an earlier version has upgraded it', () => {
  const openedAt = performance.now() - 5_000;
  const { openedAt: written } = writeOpenedAt(openedAt);
  expect(readOpenedAt({ openedAt: written })).toBeCloseTo(openedAt, -2);
});
