import { expect, test } from 'vitest';
import { GivePace } from '../../../src/migration/give/give-pace.ts';

/** How many sessions are given at a time before any is taken. */
const first = 4;

/** A pace at its least number. @param sessions - how many there are, which may change */
function paceAtLeast(least: number, sessions: () => number): GivePace {
  const pace = new GivePace(sessions);
  while (pace.size < least) pace.took(400, true, 0);
  return pace;
}

test('before any is taken few are given at a time, and up to a number one more with each, however long that took', () => {
  for (const [sessions, least] of [
    [100, 8],
    [350, 14],
    [10_000, 32],
  ] as const) {
    const pace = new GivePace(() => sessions);
    expect(pace.size).toBe(first);
    for (let size = first + 1; size <= least; size++) {
      pace.took(400, false, 0);
      pace.took(400, true, 0);
      expect(pace.size).toBe(size);
    }
    pace.took(400, true, 0);
    expect(pace.size).toBe(least);
  }
});

test('nodes that take sessions swiftly are given more and more at a time, up to a bound', () => {
  const pace = paceAtLeast(32, () => 10_000);
  expect(pace.size).toBe(32);
  for (let count = 0; count < 8; count++) pace.took(20, true, 0);
  expect(pace.size).toBe(40);
  for (let count = 0; count < 1_000; count++) pace.took(20, true, 0);
  expect(pace.size).toBe(256);
});

test('where taking takes more than two thirds of the time, the number grows by one with each round', () => {
  const pace = paceAtLeast(32, () => 10_000);
  for (let count = 0; count < 8; count++) pace.took(100, true, 0);
  expect(pace.size).toBe(40);
  for (let count = 0; count < 41; count++) pace.took(101, true, 0);
  expect(pace.size).toBe(41);
});

test('the number grows only where it is used up', () => {
  const pace = paceAtLeast(8, () => 100);
  for (let count = 0; count < 100; count++) pace.took(20, false, 0);
  expect(pace.size).toBe(8);
  pace.took(20, true, 0);
  expect(pace.size).toBe(9);
});

test('nodes that are slow are given less, once for all sessions that were under way together', () => {
  const pace = paceAtLeast(32, () => 10_000);
  for (let count = 0; count < 58; count++) pace.took(20, true, 0);
  expect(pace.size).toBe(90);
  for (let count = 0; count < 90; count++) pace.took(400, true, 1_000 + count);
  expect(pace.size).toBe(60);
  // From then on it grows by one with each round.
  for (let count = 0; count < 61; count++) pace.took(20, true, 2_000);
  expect(pace.size).toBe(61);
});

test('of few sessions fewer are given at a time, so that each client waits shorter', () => {
  let sessions = 10_000;
  const pace = paceAtLeast(32, () => sessions);
  for (let count = 0; count < 20; count++) pace.took(70, true, count * 1_000);
  expect(pace.size).toBe(52);
  sessions = 100;
  for (let count = 20; count < 40; count++) pace.took(100, true, count * 1_000);
  expect(pace.size).toBe(8);
});

test('however slow nodes are, several sessions are given at a time', () => {
  const pace = paceAtLeast(32, () => 10_000);
  for (let count = 0; count < 50; count++) pace.took(1_000, true, count * 2_000);
  expect(pace.size).toBe(32);
});

test('a session is waited for longer while there are many', () => {
  let sessions = 201;
  const pace = new GivePace(() => sessions);
  expect(pace.takeMs).toBe(1_000);
  sessions = 200;
  expect(pace.takeMs).toBe(300);
});

/** Nodes that give sessions to one that takes them one after the other, in simulated time. @returns how long each is under way, in milliseconds */
function simulate(nodes: number, sessions: number, msOf: (index: number) => number): number[] {
  const givers = Array.from({ length: nodes }, () => {
    const giver = { left: sessions, given: 0, underWay: 0, pace: new GivePace((): number => giver.left) };
    return giver;
  });
  const line: { readonly giver: (typeof givers)[0]; readonly since: number }[] = [];
  const pauses: number[] = [];
  let now = 0;
  const give = (): void => {
    for (const giver of givers) {
      while (giver.given < sessions && giver.underWay < giver.pace.size) {
        giver.given++;
        giver.underWay++;
        line.push({ giver, since: now });
      }
    }
  };
  give();
  for (let one = line.shift(); one !== undefined; one = line.shift()) {
    now += msOf(pauses.length);
    const { giver, since } = one;
    pauses.push(now - since);
    const isFull = giver.underWay >= giver.pace.size;
    giver.underWay--;
    giver.left--;
    giver.pace.took(now - since, isFull, now);
    give();
  }
  return pauses.sort((one, other) => one - other);
}

test.each([
  ['whose code is new', (index: number) => (index === 0 ? 30 : 1 + 4 * Math.exp(-index / 150)), 90],
  ['that has run for long', () => 1.4, 60],
])('two nodes that stop at once do not flood one %s', (_, msOf, mostMs) => {
  const pauses = simulate(2, 250, msOf);
  expect(pauses).toHaveLength(500);
  expect(pauses[495]).toBeLessThan(mostMs);
});
