import { expect, test } from 'vitest';
import { Taker } from '../../src/migration/taker.ts';

const ignored = { onUp() {}, onTook() {} };

/** Gives sessions to takers that take `perSecond` of them in all, in simulated time. @returns how many were under way at most, by taker */
function simulate(takers: readonly Taker[], perSecond: number, rounds: number): number[] {
  const underWay: { taker: number; since: number }[] = [];
  const most = takers.map(() => 0);
  const counts = takers.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    const now = (round * 1_000) / perSecond;
    for (const [index, taker] of takers.entries()) {
      // As many as it is given without waiting.
      while ((counts[index] as number) < taker.window) {
        expect(taker.turn()).toBe(true);
        counts[index] = (counts[index] as number) + 1;
        underWay.push({ taker: index, since: now });
      }
      if (round > rounds / 2) most[index] = Math.max(most[index] as number, counts[index] as number);
    }
    const one = underWay.shift();
    if (one === undefined) continue;
    counts[one.taker] = (counts[one.taker] as number) - 1;
    (takers[one.taker] as Taker).took(now - one.since, now);
  }
  return most;
}

test('agents that share a target give it no more sessions at a time than it takes soon', () => {
  const takers = Array.from({ length: 5 }, () => new Taker(ignored));
  const most = simulate(takers, 600, 6_000);
  // In 150 ms it takes 90.
  expect(most.reduce((sum, one) => sum + one, 0)).toBeLessThan(250);
  for (const one of most) expect(one).toBeGreaterThan(4);
});

test('a target that is always slow still takes several sessions at a time, also after it was down', () => {
  const taker = new Taker(ignored);
  const takeAll = (from: number): void => {
    let count = 0;
    while (count < taker.window && taker.turn() === true) count++;
    for (let one = 0; one < count; one++) taker.took(400, from + 400);
  };
  for (let round = 0; round < 50; round++) takeAll(round * 400);
  expect(taker.window).toBe(8);
  expect(taker.turn()).toBe(true);
  taker.suspect(Number.POSITIVE_INFINITY);
  expect(taker.window).toBe(1);
  taker.took(400, 50 * 400);
  expect(taker.window).toBe(8);
});

test('a target that is down is tried by one session at a time, and reports when it takes sessions again', async () => {
  let ups = 0;
  const taker = new Taker({ ...ignored, onUp: () => ups++ });
  expect(taker.turn()).toBe(true);
  taker.failed('gone', performance.now());
  expect([taker.isTaking, taker.turn()]).toEqual([false, false]);
  await expect.poll(() => taker.isTaking).toBe(true);
  expect([taker.turn(), taker.turn()]).toEqual([true, false]);
  taker.took(10);
  expect([ups, taker.isTaking]).toEqual([1, true]);
});

test('a session that a target refuses keeps no other one from it; three in a row do', () => {
  const taker = new Taker(ignored);
  for (let count = 0; count < 2; count++) {
    expect(taker.turn()).toBe(true);
    taker.failed('refused', performance.now());
    expect(taker.isTaking).toBe(true);
  }
  expect(taker.turn()).toBe(true);
  taker.failed('refused', performance.now());
  expect(taker.isTaking).toBe(false);
});

test('those that wait for a target that fails are sent elsewhere', async () => {
  const taker = new Taker(ignored);
  while (taker.window > 0 && taker.turn() === true);
  const waiting = taker.turn();
  taker.failed('gone', Number.POSITIVE_INFINITY);
  expect(await waiting).toBe(false);
});

test('of a crowd a slow target takes more at a time, until few are left', async () => {
  const taker = new Taker(ignored);
  while (taker.window > 0 && taker.turn() === true);
  const waiting = Array.from({ length: 1_000 }, () => taker.turn());
  const takeOne = (ms: number, now: number): void => taker.took(ms, now);
  for (let round = 0; round < 50; round++) takeOne(400, round * 500);
  expect(taker.window).toBe(32);
  // Each that is taken lets the next one go, so that the line ends.
  for (let count = 0; count < 1_000; count++) takeOne(400, (50 + count) * 500);
  expect(taker.window).toBe(8);
  expect(await Promise.all(waiting)).not.toContain(false);
});

test('a session that does not wait any more keeps no place in line, and no turn that has come', async () => {
  const taker = new Taker(ignored);
  while (taker.window > 0 && taker.load < taker.window) taker.turn();
  const [first, second, third] = [1, 2, 3].map(() => taker.turn()) as [
    Promise<boolean>,
    Promise<boolean>,
    Promise<boolean>,
  ];
  taker.quit(first);
  taker.leave();
  expect(await second).toBe(true);
  taker.quit(second);
  expect(await third).toBe(true);
  taker.leave();
  expect(taker.load).toBe(taker.window - 1);
});
