import { expect, test } from 'vitest';
import { SerialQueue } from '../../src/tasks/serial-queue.ts';

/** Tasks that the test ends itself. */
function start(max: number) {
  const queue = new SerialQueue(max);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const add = (number: number): boolean =>
    queue.add(() => {
      begun.push(number);
      return new Promise((resolve) => ends.push(resolve));
    });
  const endNext = async (): Promise<void> => {
    ends.shift()?.();
    await new Promise(setImmediate);
  };
  return { add, begun, endNext };
}

test('the first task begins at once, others each after the one before', async () => {
  const { add, begun, endNext } = start(10);
  for (const number of [1, 2, 3]) add(number);
  expect(begun).toEqual([1]);
  await endNext();
  expect(begun).toEqual([1, 2]);
  await endNext();
  add(4);
  expect(begun).toEqual([1, 2, 3]);
  await endNext();
  await endNext();
  add(5);
  expect(begun).toEqual([1, 2, 3, 4, 5]);
});

test('a task beyond the bound is not taken, until another one has ended', async () => {
  const { add, endNext } = start(2);
  expect([add(1), add(2), add(3)]).toEqual([true, true, false]);
  await endNext();
  expect(add(4)).toBe(true);
});
