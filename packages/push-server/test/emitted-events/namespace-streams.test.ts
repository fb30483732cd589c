import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Missed } from '../../src/emitted-events/missed-events.ts';
import { NamespaceStreams } from '../../src/emitted-events/namespace-streams.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 100_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function missedWith(parts: Partial<Missed> = {}): Missed {
  const nothing = { after: new Map(), sent: new Map(), counts: new Map(), own: [] };
  return { node: 'one', at: 110_000, isExact: true, ...nothing, ...parts };
}

test('a node numbers what it sends to all, to its own clients, and what comes without a number, apart', () => {
  const streams = new NamespaceStreams('a');
  expect([streams.next('own'), streams.next('own'), streams.next('local'), streams.next('foreign')]).toEqual([
    { epoch: 'a', offset: 1 },
    { epoch: 'a', offset: 2 },
    { epoch: 'a-l', offset: 1 },
    { epoch: 'a-f', offset: 1 },
  ]);
  expect(['a', 'a-l', 'a-f', 'b'].map((name) => streams.isHereOnly(name))).toEqual([false, true, true, false]);
});

test('what a client has had elsewhere is not given to it here, for some time, and counts as had', () => {
  const streams = new NamespaceStreams('a');
  streams.came({ epoch: 'b', offset: 1 }, 100_000);
  const elsewhere = streams.rememberAhead(
    'socket',
    new Map([
      ['b', 3],
      ['c', 1],
    ]),
    10_000,
  );
  expect([...elsewhere]).toEqual([
    ['b', 3],
    ['c', 1],
  ]);
  expect(streams.hasHad('socket', { epoch: 'b', offset: 3 })).toBe(true);
  expect(streams.hasHad('socket', { epoch: 'b', offset: 4 })).toBe(false);
  expect(streams.hasHad('other', { epoch: 'b', offset: 3 })).toBe(false);
  expect(streams.standing('socket')).toEqual([
    ['b', 3],
    ['c', 1],
  ]);
  expect(streams.standing('other')).toEqual([['b', 1]]);
  vi.advanceTimersByTime(10_000);
  expect(streams.hasHad('socket', { epoch: 'b', offset: 3 })).toBe(false);
  expect([...streams.rememberAhead('socket', new Map([['b', 1]]), 10_000)]).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('what a client has had in another session is forgotten on its own', () => {
  const streams = new NamespaceStreams('a');
  streams.rememberAhead('socket', new Map([['b', 3]]), 10_000);
  vi.advanceTimersByTime(5_000);
  streams.rememberAhead('socket', new Map([['b', 5]]), 10_000);
  vi.advanceTimersByTime(5_000);
  expect(streams.standing('socket')).toEqual([['b', 5]]);
  vi.advanceTimersByTime(5_000);
  expect(streams.standing('socket')).toEqual([]);
});

test('a node has heard what a client missed only if it was there, lost nothing, and has all that was sent', () => {
  const streams = new NamespaceStreams('a');
  expect(streams.hasHeard(missedWith(), 0)).toBe(true);
  expect(streams.hasHeard(missedWith({ at: 99_999 }), 0)).toBe(false);
  expect(streams.hasHeard(missedWith({ at: 99_999, isExact: false }), 0)).toBe(true);
  expect(streams.hasHeard(missedWith(), 110_001)).toBe(false);
  const sent = new Map([['b', 5]]);
  streams.came({ epoch: 'b', offset: 4 }, 100_000);
  expect(streams.hasHeard(missedWith({ sent, after: new Map([['b', 3]]) }), 0)).toBe(false);
  // The client has had it.
  expect(streams.hasHeard(missedWith({ sent, after: new Map([['b', 5]]) }), 0)).toBe(true);
  streams.came({ epoch: 'b', offset: 5 }, 100_000);
  expect(streams.hasHeard(missedWith({ sent, after: new Map([['b', 3]]) }), 0)).toBe(true);
});

test('a node keeps what a client missed unless it has forgotten some of it', () => {
  const streams = new NamespaceStreams('a');
  for (const offset of [1, 2, 3]) streams.came({ epoch: 'b', offset }, 100_000 + offset);
  streams.forget({ epoch: 'b', offset: 1 }, 100_001);
  expect(streams.keepsAll(missedWith({ after: new Map([['b', 0]]) }), false)).toBe(false);
  expect(streams.keepsAll(missedWith({ after: new Map([['b', 1]]) }), false)).toBe(true);
  // Of a stream that its node did not know.
  expect(streams.keepsAll(missedWith({ at: 101_000 }), false)).toBe(false);
  expect(streams.keepsAll(missedWith({ at: 101_500 }), false)).toBe(true);
  // Clients of other nodes are not meant.
  streams.came({ epoch: 'a-l', offset: 1 }, 120_000);
  streams.forget({ epoch: 'a-l', offset: 1 }, 120_000);
  expect(streams.keepsAll(missedWith({ after: new Map([['b', 1]]) }), false)).toBe(true);
  expect(streams.keepsAll(missedWith({ after: new Map([['b', 1]]) }), true)).toBe(false);
});

test('whether a client has missed an event', () => {
  const streams = new NamespaceStreams('a');
  const missed = missedWith({ after: new Map([['b', 3]]) });
  const isMissed = (epoch: string, offset: number, at: number, isSame = false, of = missed): boolean =>
    streams.isMissed({ epoch, offset }, at, of, isSame);
  expect([isMissed('b', 3, 120_000), isMissed('b', 4, 1)]).toEqual([false, true]);
  // Of a stream that began later, by its time, with some slack.
  expect([isMissed('c', 1, 108_999), isMissed('c', 1, 109_000)]).toEqual([false, true]);
  expect([isMissed('a-l', 1, 120_000), isMissed('a-l', 1, 120_000, true)]).toEqual([false, true]);
  expect(isMissed('a-f', 1, 120_000)).toBe(true);
  expect(isMissed('a-f', 1, 120_000, false, missedWith({ isExact: false }))).toBe(false);
});

test('streams of nodes that are gone are forgotten', () => {
  const streams = new NamespaceStreams('a');
  streams.came({ epoch: 'b', offset: 1 }, 100_000);
  streams.came({ epoch: 'c', offset: 1 }, 200_000);
  streams.forgetStreams(150_000);
  expect(streams.standing('socket')).toEqual([['c', 1]]);
});
