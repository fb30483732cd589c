import { expect, test } from 'vitest';
import type { Summary } from '../../src/summary/summary.ts';
import { joinRestarts } from '../../src/view/join-restarts.ts';
import type { KnownNode } from '../../src/view/known-node.ts';
import { summaryOf } from '../support/summaries.ts';

const at = 10_000_000;

function known(id: string, state: string, ageMs: number, change: Partial<Summary> = {}): KnownNode {
  return {
    summary: summaryOf(id, { state: state === 'gone' ? 'ready' : state, ...change }),
    history: Buffer.alloc(0),
    router: Buffer.alloc(0),
    ageMs,
    state,
  };
}

/** Sessions that moved away from a target, as an agent tells. */
function moves(target: string, startedMs: number, endedMs: number, change: Partial<Summary['moves'][number]> = {}) {
  const none = { migrated: 0, failedOver: 0, fellBack: 0, longestPauseMs: 0 };
  return { product: 'default', target, startedMs, endedMs, ...none, ...change };
}

const agent = (id: string, ...list: Summary['moves']): KnownNode =>
  known(id, 'ready', 0, { tier: 'agent', moves: list });

test('what several agents tell of a push-server that crashed is one restart', () => {
  const { restarts } = joinRestarts(
    [
      known('a', 'gone', 20_000, { address: '10.0.0.1:4000', upMs: 100_000 }),
      agent('x', moves('10.0.0.1:4000', 19_500, 18_000, { failedOver: 5, longestPauseMs: 300 })),
      agent('y', moves('10.0.0.1:4000', 19_400, 17_000, { failedOver: 7, fellBack: 1, longestPauseMs: 450 })),
    ],
    at,
  );
  expect(restarts).toEqual([
    {
      ...{ node: 'a', name: 'name of a', what: 'crash', startedAt: at - 19_500, endedAt: at - 17_000 },
      ...{ migrated: 0, failedOver: 12, fellBack: 1, longestPauseMs: 450 },
    },
  ]);
});

test('of processes that had an address one after the other, moves belong to the one that had it then', () => {
  const address = '127.0.0.1:4000';
  const { restarts } = joinRestarts(
    [
      known('old', 'left', 60_000, { address, name: 'server-0', upMs: 500_000 }),
      known('new', 'draining', 0, { address, name: 'server-0', upMs: 55_000 }),
      agent(
        'x',
        moves(address, 3_000, 1_000, { migrated: 2 }),
        moves(address, 61_000, 59_500, { migrated: 9, longestPauseMs: 80 }),
      ),
    ],
    at,
  );
  expect(restarts.map(({ node, what, migrated }) => [node, what, migrated])).toEqual([
    ['new', 'drain', 2],
    ['old', 'stop', 9],
  ]);
});

test('a drain begins when its push-server does, and is one restart until all sessions have moved', () => {
  const { restarts } = joinRestarts(
    [
      known('a', 'draining', 1_000, { address: '10.0.0.1:4000', stateMs: 59_000 }),
      agent('x', moves('10.0.0.1:4000', 58_000, 50_000, { migrated: 4, longestPauseMs: 9 })),
    ],
    at,
  );
  expect(restarts).toMatchObject([
    { node: 'a', what: 'drain', startedAt: at - 60_000, endedAt: at - 50_000, migrated: 4, longestPauseMs: 9 },
  ]);
});

test('a push-server that ends without sessions, and moves from targets that are none, are shown as well', () => {
  const { restarts } = joinRestarts(
    [known('a', 'left', 5_000), agent('x', moves('10.9.9.9:80', 2_000, 1_000, { migrated: 1 }))],
    at,
  );
  expect(restarts).toMatchObject([
    { name: '10.9.9.9:80', what: 'move', migrated: 1 },
    { node: 'a', what: 'stop', startedAt: at - 5_000, migrated: 0 },
  ]);
  expect(restarts[0]).not.toHaveProperty('node');
});

test('loopback addresses of other machines are others, what is older than 15 minutes is left out, and lists are bounded', () => {
  const address = '127.0.0.1:4000';
  const { restarts } = joinRestarts(
    [
      known('here', 'ready', 0, { address, machine: 'one' }),
      known('long-gone', 'gone', 900_001),
      known('x', 'ready', 0, { tier: 'agent', machine: 'two', moves: [moves(address, 2, 1, { migrated: 1 })] }),
    ],
    at,
  );
  expect(restarts.map(({ name, node }) => [name, node])).toEqual([[address, undefined]]);
  const many = Array.from({ length: 60 }, (_, index) => known(`n${index}`, 'left', index * 1_000));
  const all = joinRestarts(many, at);
  expect([all.restarts.length, all.leftOut]).toEqual([40, 20]);
});
