import { expect, test } from 'vitest';
import { Moves } from '../../src/announce/moves.ts';

test('sessions that leave a target one soon after the other are one run, with counts and the longest pause', () => {
  const moves = new Moves();
  moves.add({ product: 'default', target: 'a:1', outcome: 'migrated', pauseMs: 40 }, 1_000);
  moves.add({ product: 'default', target: 'a:1', outcome: 'migrated', pauseMs: 90.04 }, 2_000);
  moves.add({ product: 'default', target: 'b:1', outcome: 'failedOver', pauseMs: 10 }, 2_500);
  moves.add({ product: 'default', target: 'a:1', outcome: 'fellBack', pauseMs: 0 }, 3_000);
  const a = { product: 'default', target: 'a:1', migrated: 2, failedOver: 0, fellBack: 1, longestPauseMs: 90 };
  const b = { product: 'default', target: 'b:1', migrated: 0, failedOver: 1, fellBack: 0, longestPauseMs: 10 };
  expect(moves.describe(4_000)).toEqual([
    { ...b, startedMs: 1_510, endedMs: 1_500 },
    { ...a, startedMs: 3_040, endedMs: 1_000 },
  ]);
  moves.add({ product: 'default', target: 'a:1', outcome: 'migrated', pauseMs: 5 }, 18_001);
  expect(moves.describe(18_001).map(({ target, migrated }) => [target, migrated])).toEqual([
    ['a:1', 1],
    ['b:1', 0],
    ['a:1', 2],
  ]);
});

test('only the newest runs are remembered, for 15 minutes', () => {
  const moves = new Moves();
  for (let target = 0; target < 100; target++)
    moves.add({ product: 'p', target: `t${target}`, outcome: 'migrated', pauseMs: 1 }, target);
  expect(moves.describe(100)).toHaveLength(16);
  expect(moves.describe(100)[0]?.target).toBe('t99');
  expect(moves.describe(900_099).map(({ target }) => target)).toEqual(['t99']);
  expect(moves.describe(900_100)).toEqual([]);
});
