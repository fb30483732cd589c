import { expect, test } from 'vitest';
import { TargetLine } from '../../src/migration/target-line.ts';

const ignored = { onUp() {}, onTook() {} };
const uses = (): boolean => true;

/** Waits in line for a turn, and uses it. */
function waitIn(line: TargetLine): Promise<boolean> {
  return new Promise((resolve) => {
    const turn = line.turn((isTurn) => {
      resolve(isTurn);
      return true;
    });
    expect(turn).toBe(undefined);
  });
}

/** Gives sessions to lines that take `perSecond` of them in all, in simulated time. @returns how many were under way at most, by line */
function simulate(lines: readonly TargetLine[], perSecond: number, rounds: number): number[] {
  const underWay: { line: number; since: number }[] = [];
  const most = lines.map(() => 0);
  const counts = lines.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    const now = (round * 1_000) / perSecond;
    for (const [index, line] of lines.entries()) {
      // As many as it is given without waiting.
      while ((counts[index] as number) < line.window) {
        expect(line.turn(uses)).toBe(true);
        counts[index] = (counts[index] as number) + 1;
        underWay.push({ line: index, since: now });
      }
      if (round > rounds / 2) most[index] = Math.max(most[index] as number, counts[index] as number);
    }
    const one = underWay.shift();
    if (one === undefined) continue;
    counts[one.line] = (counts[one.line] as number) - 1;
    (lines[one.line] as TargetLine).took(now - one.since, now);
  }
  return most;
}

test('agents that share a target give it no more sessions at a time than it takes soon', () => {
  const lines = Array.from({ length: 5 }, () => new TargetLine(ignored));
  const most = simulate(lines, 600, 6_000);
  // In 150 ms it takes 90.
  expect(most.reduce((sum, one) => sum + one, 0)).toBeLessThan(250);
  for (const one of most) expect(one).toBeGreaterThan(4);
});

test('a target that is always slow still takes several sessions at a time, also after it was down', () => {
  const line = new TargetLine(ignored);
  const takeAll = (from: number): void => {
    let count = 0;
    while (count < line.window && line.turn(uses) === true) count++;
    for (let one = 0; one < count; one++) line.took(400, from + 400);
  };
  for (let round = 0; round < 50; round++) takeAll(round * 400);
  expect(line.window).toBe(8);
  expect(line.turn(uses)).toBe(true);
  line.suspect(Number.POSITIVE_INFINITY);
  expect(line.window).toBe(1);
  line.took(400, 50 * 400);
  expect(line.window).toBe(8);
});

test('a target that is down is tried by one session at a time, and reports when it takes sessions again', async () => {
  let ups = 0;
  const line = new TargetLine({ ...ignored, onUp: () => ups++ });
  expect(line.turn(uses)).toBe(true);
  line.failed('gone', performance.now());
  expect([line.isTaking, line.turn(uses)]).toEqual([false, false]);
  await expect.poll(() => line.isTaking).toBe(true);
  expect([line.turn(uses), line.turn(uses)]).toEqual([true, false]);
  line.took(10);
  expect([ups, line.isTaking]).toEqual([1, true]);
});

test('a session that a target refuses keeps no other one from it; three in a row do', () => {
  const line = new TargetLine(ignored);
  for (let count = 0; count < 2; count++) {
    expect(line.turn(uses)).toBe(true);
    line.failed('refused', performance.now());
    expect(line.isTaking).toBe(true);
  }
  expect(line.turn(uses)).toBe(true);
  line.failed('refused', performance.now());
  expect(line.isTaking).toBe(false);
});

test('those that wait for a target that fails are sent elsewhere', async () => {
  const line = new TargetLine(ignored);
  while (line.window > 0 && line.turn(uses) === true);
  const waiting = waitIn(line);
  line.failed('gone', Number.POSITIVE_INFINITY);
  expect(await waiting).toBe(false);
});

test('of a crowd a slow target takes more at a time, until few are left', async () => {
  const line = new TargetLine(ignored);
  while (line.window > 0 && line.turn(uses) === true);
  const waiting = Array.from({ length: 1_000 }, () => waitIn(line));
  const takeOne = (ms: number, now: number): void => line.took(ms, now);
  for (let round = 0; round < 50; round++) takeOne(400, round * 500);
  expect(line.window).toBe(32);
  // Each that is taken lets the next one go, so that the line ends.
  for (let count = 0; count < 1_000; count++) takeOne(400, (50 + count) * 500);
  expect(line.window).toBe(8);
  expect(await Promise.all(waiting)).not.toContain(false);
});

test('a session that does not wait any more keeps no place in line, and turns that are not used go to those behind', async () => {
  const line = new TargetLine(ignored);
  while (line.load < line.window) line.turn(uses);
  line.turn(uses);
  line.quit(uses);
  let unused = 0;
  for (let count = 0; count < 20_000; count++) {
    line.turn(() => {
      unused++;
      return false;
    });
  }
  const last = waitIn(line);
  line.leave();
  expect(await last).toBe(true);
  expect(unused).toBe(20_000);
  line.leave();
  expect(line.load).toBe(line.window - 1);
});
