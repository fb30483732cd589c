import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { forEachLimited } from '../../src/tasks/for-each-limited.ts';
import { joinRuns } from '../../src/tasks/join-runs.ts';
import { refreshEach } from '../../src/tasks/refresh-each.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([1, 7, 1_000, 20_000])('each of %i is refreshed once in each period, and never all at once', (size) => {
  const all = new Map(Array.from({ length: size }, (_, index) => [index, 0]));
  let inTurn = 0;
  let most = 0;
  const stop = refreshEach(
    () => all.keys(),
    60_000,
    () => all.size,
    (one) => {
      all.set(one, (all.get(one) ?? 0) + 1);
      inTurn++;
    },
  );
  for (let ms = 0; ms < 180_000; ms += 250) {
    inTurn = 0;
    vi.advanceTimersByTime(250);
    most = Math.max(most, inTurn);
  }
  stop();
  // The last turns of a round may belong to the next one.
  expect(Math.min(...all.values())).toBeGreaterThanOrEqual(2);
  expect(Math.max(...all.values())).toBeLessThanOrEqual(3);
  expect(most).toBeLessThanOrEqual(Math.ceil(size / 240) + 1);
});

test('what comes and goes while it is refreshed is neither left out nor done for nothing', () => {
  const all = new Set([0]);
  const done: number[] = [];
  const stop = refreshEach(
    () => all.values(),
    1_000,
    () => all.size,
    (one) => done.push(one),
  );
  vi.advanceTimersByTime(1_000);
  all.delete(0);
  all.add(1);
  vi.advanceTimersByTime(1_000);
  all.clear();
  vi.advanceTimersByTime(5_000);
  all.add(2);
  vi.advanceTimersByTime(1_000);
  stop();
  vi.advanceTimersByTime(5_000);
  expect(done).toEqual([0, 1, 2]);
});

test('work for many is done a few at a time, for all', async () => {
  let open = 0;
  let most = 0;
  let done = 0;
  await forEachLimited(Array.from({ length: 500 }).keys(), async () => {
    most = Math.max(most, ++open);
    await Promise.resolve();
    open--;
    done++;
  });
  expect(done).toBe(500);
  expect(most).toBeLessThanOrEqual(64);
});

test('what is asked for while it runs is done once more, and no run overlaps another', async () => {
  vi.useRealTimers();
  let open = 0;
  let runs = 0;
  const run = joinRuns(async () => {
    expect(++open).toBe(1);
    runs++;
    await new Promise((resolve) => setTimeout(resolve, 2));
    open--;
  });
  const first = Array.from({ length: 10 }, run);
  await first[0];
  await Promise.all([...first, run(), run()]);
  expect(runs).toBeLessThanOrEqual(3);
  expect(runs).toBeGreaterThanOrEqual(2);
});
