import { expect, onTestFinished, test } from 'vitest';
import { Pacer } from '../../src/migration/pacer.ts';

function createPacer(perSecond: number): Pacer {
  const pacer = new Pacer(perSecond);
  onTestFinished(() => pacer.close());
  return pacer;
}

test('a pacer lets its callers go in order, with one timer for all', async () => {
  const pacer = createPacer(200);
  const order: number[] = [];
  const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const before = timers();
  const since = performance.now();
  const turns = Array.from({ length: 300 }, async (_, index) => {
    await pacer.turn();
    order.push(index);
  });
  expect(timers() - before).toBeLessThanOrEqual(1);
  await Promise.all(turns);
  expect(performance.now() - since).toBeGreaterThan(400);
  expect(order).toEqual(Array.from({ length: 300 }, (_, index) => index));
});

test('a turn without waiting is taken from the same rate, and never past those that wait', async () => {
  const pacer = createPacer(2);
  expect([pacer.take(), pacer.take(), pacer.take()]).toEqual([true, true, false]);
  const turn = pacer.turn();
  expect([turn === undefined, pacer.waiting]).toEqual([false, 1]);
  await turn;
  expect([pacer.waiting, pacer.take()]).toEqual([0, false]);
});

test('a pacer that is closed lets all through', async () => {
  const pacer = createPacer(1);
  pacer.take();
  const turns = [pacer.turn(), pacer.turn()];
  pacer.close();
  await Promise.all(turns);
  expect(pacer.waiting).toBe(0);
});
