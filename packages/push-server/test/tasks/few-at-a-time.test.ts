import { expect, test } from 'vitest';
import { FewAtATime } from '../../src/tasks/few-at-a-time.ts';

/** Work that ends when it is told to. */
function start(most: number, mostWaitMs = 60_000) {
  const few = new FewAtATime(most, mostWaitMs);
  const begun: number[] = [];
  const ends: { succeed(): void; fail(): void }[] = [];
  const add = (number: number): Promise<number> =>
    few.run(() => {
      begun.push(number);
      return new Promise((resolve, reject) => {
        ends[number] = { succeed: () => resolve(number), fail: () => reject(new Error(`${number}`)) };
      });
    });
  return { add, begun, ends };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so much is done at a time, in the order in which it came', async () => {
  const { add, begun, ends } = start(2);
  const all = [0, 1, 2, 3, 4].map(add);
  expect(begun).toEqual([0, 1]);
  for (const [ended, expected] of [
    [1, [0, 1, 2]],
    [0, [0, 1, 2, 3]],
    [2, [0, 1, 2, 3, 4]],
  ] as const) {
    ends[ended]?.succeed();
    await nextTurn();
    expect(begun).toEqual(expected);
  }
  ends[3]?.succeed();
  ends[4]?.succeed();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4]);
  // Nothing is occupied any more.
  void add(5);
  void add(6);
  expect(begun.slice(5)).toEqual([5, 6]);
});

test('after a failure everything that waits begins at once', async () => {
  const { add, begun, ends } = start(1);
  const [failing, ...others] = [0, 1, 2, 3].map(add);
  expect(begun).toEqual([0]);
  ends[0]?.fail();
  await expect(failing).rejects.toThrow('0');
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3]);
  const late = add(4);
  for (const number of [1, 2, 3]) ends[number]?.succeed();
  await nextTurn();
  ends[4]?.succeed();
  expect(await Promise.all([...others, late])).toEqual([1, 2, 3, 4]);
});

test('what waits too long begins although nothing has ended', async () => {
  const { add, begun, ends } = start(1, 30);
  const all = [0, 1, 2].map(add);
  expect(begun).toEqual([0]);
  await expect.poll(() => begun).toEqual([0, 1, 2]);
  for (const { succeed } of ends) succeed();
  expect(await Promise.all(all)).toEqual([0, 1, 2]);
  void add(3);
  void add(4);
  expect(begun.slice(3)).toEqual([3]);
  await expect.poll(() => begun.slice(3)).toEqual([3, 4]);
});
