import type { EngineConnection } from '@gopush/slim-socket-io';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FirstPings } from '../../../src/migration/take/first-pings.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Connections, with how many of them were announced, and then sent a ping. */
function start() {
  const announced = new Set<EngineConnection>();
  const pings = new FirstPings(5_000, (conn) => void announced.add(conn));
  let sent = 0;
  const come = (readyState = 'open') => {
    const conn = {
      readyState,
      sendPacket() {
        if (announced.has(conn)) sent++;
      },
    } as unknown as EngineConnection;
    pings.add(conn);
  };
  return { pings, come, sent: () => sent, announced };
}

test('clients are sent a ping once no more sessions come, some at a time', () => {
  const { come, sent } = start();
  // In bursts, as agents bring them that wait for others.
  for (let count = 0; count < 15; count++) {
    for (let each = 0; each < 20; each++) come();
    vi.advanceTimersByTime(200);
  }
  expect(sent()).toBe(0);
  vi.advanceTimersByTime(50);
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
  const { pings, come, sent, announced } = start();
  come('closed');
  vi.advanceTimersByTime(1_000);
  expect([sent(), announced.size, vi.getTimerCount()]).toEqual([0, 0, 0]);
  come();
  pings.close();
  vi.advanceTimersByTime(10_000);
  expect([sent(), vi.getTimerCount()]).toEqual([0, 0]);
});
