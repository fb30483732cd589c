import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../src/index.ts';
import { endWithTest, limits, program } from '../support/processes.ts';
import { closedWithTest, temporaryFolder } from '../support/stores.ts';

async function startHolder(folder: string) {
  const holder = fork(program('hold.mjs'), [folder]);
  endWithTest(holder);
  await once(holder, 'message');
  return holder;
}

// lmdb waits for the lock of writers when it opens a database, in the thread of the event loop: in this process that would stop the test as well.
test('a store whose lock a process holds that hangs is not opened, in bounded time, and this process keeps running', async () => {
  const folder = await temporaryFolder();
  await (await openEmbeddedStore(folder)).close();
  const holder = await startHolder(folder);
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 10);
  const opened = openEmbeddedStore(folder);
  await expect(opened).rejects.toMatchObject({
    code: 'store_down',
    message: `the store in ${folder} is locked by a process that hangs`,
  });
  clearInterval(ticking);
  expect(ticks).toBeGreaterThan(10);

  const again = openEmbeddedStore(folder);
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  const store = closedWithTest(await again);
  expect(await store.history.append('room', Buffer.from('a'), limits)).toMatchObject({ offset: 1 });
});

test('a store is opened while other processes write', async () => {
  const folder = await temporaryFolder();
  for (let count = 0; count < 2; count++) {
    const writer = fork(program('bulk.mjs'), [folder, '1000']);
    endWithTest(writer);
    await once(writer, 'message');
  }
  const offsets: number[] = [];
  for (let round = 0; round < 10; round++) {
    const store = await openEmbeddedStore(folder);
    offsets.push((await store.history.append('other room', Buffer.from('a'), { ...limits, count: 20 })).offset);
    await store.close();
  }
  expect(offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
