import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BucketFollows } from '../../../src/fanout/bus/bucket-follows.ts';
import type { Following } from '../../../src/fanout/bus/following.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Follows that are announced to one other node. @param isOverdue - whether they do not wait for it */
function start(isOverdue = false) {
  const announced: number[] = [];
  const state = { canAnnounce: true, know: (): void => {} };
  const follows = new BucketFollows(
    {
      begin: () => state.canAnnounce,
      announce(bucket: number, following: Following) {
        announced.push(bucket);
        state.know = following.add(!isOverdue);
      },
    },
    1_000,
  );
  const follow = () => {
    const seen = { isKnown: false, isLate: false };
    void follows
      .follow(7, () => {
        seen.isLate = true;
      })
      .then(() => {
        seen.isKnown = true;
      });
    return seen;
  };
  return { follows, announced, state, follow };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

test('a bucket is announced for its first follower, and each waits until the other node knows', async () => {
  const { announced, state, follow } = start();
  const [one, two] = [follow(), follow()];
  await settle();
  expect([one.isKnown, two.isKnown]).toEqual([false, false]);
  state.know();
  await settle();
  expect([one.isKnown, two.isKnown, one.isLate]).toEqual([true, true, false]);
  expect(announced).toEqual([7]);
});

test('a follower waits for a node no longer than a deadline, and is told when the node knows after that', async () => {
  const { state, follow } = start();
  const seen = follow();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(seen).toEqual({ isKnown: true, isLate: false });
  state.know();
  expect(seen.isLate).toBe(true);
});

test('a node that is overdue is not waited for', async () => {
  const { state, follow } = start(true);
  const seen = follow();
  await settle();
  expect(seen).toEqual({ isKnown: true, isLate: false });
  state.know();
  expect(seen.isLate).toBe(true);
});

test('where nobody can be told, nobody waits', async () => {
  const { announced, state, follow } = start();
  state.canAnnounce = false;
  const seen = follow();
  await settle();
  expect(seen.isKnown).toBe(true);
  expect(announced).toEqual([]);
});

test('a bucket is followed until its last follower is gone, and then announced anew', async () => {
  const { follows, announced, follow } = start();
  follow();
  follow();
  expect(follows.unfollow(7)).toBe(false);
  expect(follows.has(7)).toBe(true);
  expect(follows.unfollow(7)).toBe(true);
  expect([follows.has(7), follows.unfollow(7)]).toEqual([false, false]);
  follow();
  expect(announced).toEqual([7, 7]);
  expect([...follows.keys()]).toEqual([7]);
});
