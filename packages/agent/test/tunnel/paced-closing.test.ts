import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CloseQueue, closeInRandomOrder } from '../../src/tunnel/paced-closing.ts';
import type { Tunnel } from '../../src/tunnel/tunnel.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Tunnels of which all that counts is when they were closed, and with what. */
function createTunnels(count: number) {
  const closed: { readonly id: number; readonly at: number; readonly why: string }[] = [];
  const tunnels = Array.from({ length: count }, (_, id) => {
    const tunnel = {
      isOver: false,
      contain: (step: () => void) => step(),
      close(code: number, cause: string, at: number) {
        tunnel.isOver = true;
        closed.push({ id, at, why: `${code} ${cause}` });
      },
    };
    return tunnel as unknown as Tunnel;
  });
  return { tunnels, closed };
}

test('a queue closes so many a second, each a little later than its turn', () => {
  const { tunnels, closed } = createTunnels(100);
  const start = performance.now();
  const queue = new CloseQueue(50);
  for (const tunnel of tunnels) queue.add(tunnel, 'not resumed');
  vi.advanceTimersByTime(19);
  expect(closed).toEqual([]);
  vi.advanceTimersByTime(981);
  // Of 50 whose turn has come, two distances are the most that the random wait takes.
  expect(closed.length).toBeGreaterThanOrEqual(47);
  expect(closed.length).toBeLessThanOrEqual(50);
  vi.advanceTimersByTime(1_100);
  expect(closed).toHaveLength(100);
  expect(closed.every(({ at, id }) => at >= start + Math.floor(20 * (id + 1)))).toBe(true);
  expect(new Set(closed.map(({ why }) => why))).toEqual(new Set(['1012 not resumed']));
});

test('a queue that was closed closes no more tunnels', () => {
  const { tunnels, closed } = createTunnels(1);
  const queue = new CloseQueue(50);
  queue.add(tunnels[0] as Tunnel, 'not resumed');
  queue.close();
  vi.advanceTimersByTime(1_000);
  expect(closed).toEqual([]);
});

test('a drain closes all in random order, those too that are opened meanwhile, and none twice', () => {
  const { tunnels, closed } = createTunnels(50);
  const { tunnels: later, closed: closedLater } = createTunnels(5);
  const open = new Set(tunnels);
  const stop = closeInRandomOrder(open, 100);
  expect(closed).toHaveLength(5);
  for (const tunnel of later) open.add(tunnel);
  vi.advanceTimersByTime(450);
  expect(closed).toHaveLength(50);
  expect(closed.map(({ id }) => id)).not.toEqual(Array.from({ length: 50 }, (_, id) => id));
  vi.advanceTimersByTime(50);
  expect([closed.length, closedLater.length]).toEqual([50, 5]);
  expect(closedLater[0]?.why).toBe('1012 drained');
  stop();
  expect(vi.getTimerCount()).toBe(0);
});
