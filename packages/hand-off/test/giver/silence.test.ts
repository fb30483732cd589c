import { expect, test } from 'vitest';
import { Silence } from '../../src/giver/silence.ts';
import type { ProcessUse } from '../../src/system/process-use.ts';

const still: ProcessUse = { cpuMs: 5_000, waitedMs: 700, state: 'S', isTraced: false };

/** After how many seconds a silence of 10 s is sure, if its channel is given up after 8. */
function secondsUntilSure(began: ProcessUse | undefined, after: (seconds: number) => ProcessUse | undefined): number {
  const silence = new Silence(began);
  for (let seconds = 1; seconds < 100; seconds++) {
    if (silence.hasLasted(10_000, after(seconds))) return seconds;
    silence.tick(seconds >= 8);
  }
  return Number.POSITIVE_INFINITY;
}

test.each<[string, number, (seconds: number) => Partial<ProcessUse>]>([
  ['does nothing is sure at once', 10, () => ({})],
  ['is stopped is sure at once', 10, () => ({ state: 'T' })],
  ['works is not sure for half as long again', 15, (seconds) => ({ cpuMs: 5_000 + seconds * 900 })],
  ['could run is not sure either', 15, () => ({ state: 'R' })],
  ['waits for a disk is not sure either', 15, () => ({ state: 'D' })],
  ['has no CPU half of the time is sure after twice the time', 20, (seconds) => ({ waitedMs: 700 + seconds * 500 })],
  ['never has a CPU is never sure', Number.POSITIVE_INFINITY, (seconds) => ({ waitedMs: 700 + seconds * 1_000 })],
])('the silence of a taker that %s', (_, expected, change) => {
  expect(secondsUntilSure(still, (seconds) => ({ ...still, ...change(seconds) }))).toBe(expected);
});

test('where its process cannot be looked at, time alone counts', () => {
  expect(secondsUntilSure(undefined, () => undefined)).toBe(10);
});

test('no silence is sure before a new channel had two seconds to open', () => {
  const silence = new Silence(still);
  for (let seconds = 1; seconds < 60; seconds++) silence.tick(false);
  silence.tick(true);
  expect(silence.hasLasted(10_000, still)).toBe(false);
  silence.tick(true);
  expect(silence.hasLasted(10_000, still)).toBe(true);
});
