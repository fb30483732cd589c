import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OnceMap } from '../../src/recovery/once-map.ts';
import { ReturnedClients } from '../../src/recovery/returned-clients.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('an entry is taken once, or forgotten after a while', () => {
  const map = new OnceMap<{ readonly n: number }>();
  map.set('a', { n: 1 });
  map.set('b', { n: 1 });
  expect([map.take('a'), map.take('a')]).toEqual([{ n: 1 }, undefined]);
  vi.advanceTimersByTime(20_000);
  map.set('b', { n: 2 });
  vi.advanceTimersByTime(20_000);
  // The end of the first one is not that of the second.
  expect(map.take('b')).toEqual({ n: 2 });
  map.set('b', { n: 3 });
  vi.advanceTimersByTime(60_000);
  expect(map.take('b')).toBeUndefined();
  // Nothing is kept, and nothing runs for it.
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('clients that return at once are told of in one message, and later ones in another', () => {
  const told: (readonly string[])[] = [];
  const returned = new ReturnedClients((pids) => told.push(pids));
  returned.add('a');
  returned.add('b');
  vi.advanceTimersByTime(20);
  returned.add('c');
  vi.advanceTimersByTime(20);
  expect(told).toEqual([['a', 'b'], ['c']]);
});
