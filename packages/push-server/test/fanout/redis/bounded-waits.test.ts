import { expect, test } from 'vitest';
import { BoundedWaits } from '../../../src/fanout/redis/bounded-waits.ts';

/** Waits for work that a test ends. */
function start(waits: BoundedWaits) {
  const ends = { resolve: (): void => {}, reject: (_: Error): void => {} };
  const work = new Promise<void>((resolve, reject) => Object.assign(ends, { resolve, reject }));
  let isOver = false;
  void waits.until(work).then(() => {
    isOver = true;
  });
  const over = async (): Promise<boolean> => {
    await new Promise(setImmediate);
    return isOver;
  };
  return { ...ends, over };
}

test('a wait ends with its work, also if that fails', async () => {
  const waits = new BoundedWaits();
  const [done, failing, waiting] = [start(waits), start(waits), start(waits)];
  done.resolve();
  failing.reject(new Error('no connection'));
  expect([await done.over(), await failing.over(), await waiting.over()]).toEqual([true, true, false]);
});

test('a wait ends after one to two steps, whatever became of its work', async () => {
  const waits = new BoundedWaits();
  const first = start(waits);
  waits.step();
  const second = start(waits);
  expect(await first.over()).toBe(false);
  waits.step();
  expect([await first.over(), await second.over()]).toEqual([true, false]);
  waits.step();
  expect(await second.over()).toBe(true);
  second.resolve();
});

test('when it is closed, nothing waits any more', async () => {
  const waits = new BoundedWaits();
  const one = start(waits);
  waits.step();
  const other = start(waits);
  waits.close();
  expect([await one.over(), await other.over()]).toEqual([true, true]);
});
