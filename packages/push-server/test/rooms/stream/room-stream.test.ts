import type { HistoryStore } from '@gopush/store';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RoomStream } from '../../../src/rooms/stream/room-stream.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('while the log cannot be read it is asked for less and less often, and at once when the store is back', async () => {
  let reads = 0;
  let isAway = false;
  const history = {
    async read() {
      reads++;
      if (isAway) throw new Error('away');
      return { epoch: 'e', first: 1, last: 1, messages: [{ offset: 1, at: 0, payload: Buffer.from('x') }] };
    },
  } as unknown as HistoryStore;
  const delivered: number[] = [];
  const nothing = (): void => {};
  const stream = new RoomStream('r:room', history, {
    follow: async () => {},
    unfollow: nothing,
    turn: () => 0,
    deliver: (_room, { offset }) => delivered.push(offset),
    undeliverable: nothing,
    cameBack: nothing,
    gap: nothing,
    began: nothing,
    ended: nothing,
    failed: nothing,
  });
  await stream.opened;
  isAway = true;
  reads = 0;
  stream.doubt('bus');
  void stream.fill();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(reads).toBeLessThan(25);
  isAway = false;
  reads = 0;
  stream.doubt('store');
  await vi.advanceTimersByTimeAsync(1);
  expect(reads).toBe(1);
  stream.close();
});
