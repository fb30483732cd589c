import { expect, test, vi } from 'vitest';
import { UnfinishedWork } from '../../src/tasks/unfinished-work.ts';

test('a stop awaits work that has not ended, and only that', async () => {
  const work = new UnfinishedWork(() => {});
  await work.done();
  let end = (): void => {};
  work.add(
    new Promise((resolve) => {
      end = resolve;
    }),
  );
  let isDone = false;
  const done = work.done().then(() => {
    isDone = true;
  });
  await new Promise(setImmediate);
  expect(isDone).toBe(false);
  end();
  await done;
});

test('work that fails is reported, and keeps no later stop waiting', async () => {
  const onFailed = vi.fn();
  const work = new UnfinishedWork(onFailed);
  const error = new Error('no');
  work.add(Promise.reject(error));
  await expect(work.done()).rejects.toBe(error);
  await new Promise(setImmediate);
  expect(onFailed).toHaveBeenCalledExactlyOnceWith(error);
  await work.done();
});
