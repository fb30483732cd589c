import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FirstPings } from '../../../src/migration/take/first-pings.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Connections, with how many of them were sent a ping. */
function start() {
  const pings = new FirstPings(5_000);
  let sent = 0;
  const come = (readyState = 'open') => pings.add({ readyState, sendPacket: () => void sent++ });
  return { pings, come, sent: () => sent };
}

test('clients are sent a ping once no more sessions come, some at a time', () => {
  const { come, sent } = start();
  for (let count = 0; count < 30; count++) {
    for (let each = 0; each < 10; each++) come();
    vi.advanceTimersByTime(50);
  }
  expect(sent()).toBe(0);
  vi.advanceTimersByTime(50);
  expect(sent()).toBe(100);
  vi.advanceTimersByTime(150);
  expect([sent(), vi.getTimerCount()]).toEqual([300, 0]);
});

test('while sessions keep coming each client is sent its ping in time', () => {
  const { come, sent } = start();
  const came: number[] = [];
  for (let at = 0; at < 20_000; at += 25) {
    come();
    came.push(at);
    vi.advanceTimersByTime(25);
    expect(sent()).toBeGreaterThanOrEqual(came.filter((one) => one <= at + 25 - 5_000).length);
    expect(sent()).toBeLessThanOrEqual(came.filter((one) => one <= at + 25 - 4_900).length);
  }
});

test('a client that has gone is sent none, and after the end nobody is', () => {
  const { pings, come, sent } = start();
  come('closed');
  vi.advanceTimersByTime(100);
  expect(sent()).toBe(0);
  come();
  pings.close();
  vi.advanceTimersByTime(10_000);
  expect([sent(), vi.getTimerCount()]).toEqual([0, 0]);
});
