import { expect, test } from 'vitest';
import { Slots } from '../../../src/migration/give/slots.ts';

/** Work that ends when it is told to. */
function work() {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, run: () => ended };
}

test('so much is worked on at a time, and work that was begun earlier comes first', async () => {
  const slots = new Slots(() => 2);
  const order: string[] = [];
  const [one, other] = [work(), work()];
  const running = [slots.take('begins', one.run), slots.take('begins', other.run)];
  const note = (name: string) => async (): Promise<void> => void order.push(name);
  running.push(slots.take('begins', note('begins')), slots.take('resumes', note('resumes')));
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  one.end();
  other.end();
  await Promise.all(running);
  expect(order).toEqual(['resumes', 'begins']);
});

test('work that fails frees its slot', async () => {
  const slots = new Slots(() => 1);
  const failing = slots.take('begins', async () => {
    throw new Error('failed');
  });
  const next = slots.take('begins', async () => 'done');
  await expect(failing).rejects.toThrow('failed');
  expect(await next).toBe('done');
  expect(await slots.take('resumes', async () => 'again')).toBe('again');
});

test('when more may be worked on, as much begins; when less, no more than that', async () => {
  let size = 1;
  const slots = new Slots(() => size);
  const all = Array.from({ length: 5 }, work);
  let begun = 0;
  const running = all.map(({ run }) =>
    slots.take('begins', () => {
      begun++;
      return run();
    }),
  );
  expect(begun).toBe(1);
  size = 3;
  all[0]?.end();
  await running[0];
  await new Promise(setImmediate);
  expect(begun).toBe(4);
  size = 1;
  all[1]?.end();
  await running[1];
  await new Promise(setImmediate);
  expect(begun).toBe(4);
  for (const { end } of all) end();
  await Promise.all(running);
  expect(begun).toBe(5);
});
