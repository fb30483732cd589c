import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbeddedStore } from '../../src/index.ts';
import { endWithTest, limits, program } from '../support/processes.ts';
import { closedWithTest, temporaryFolder } from '../support/stores.ts';

test('while another process holds the store and hangs, calls fail in bounded time; then they are served again', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  const states: string[] = [];
  onTestFinished(store.onState((state) => states.push(state)));
  const holder = startHolding(folder);
  await once(holder, 'message');
  await expect(store.history.append('room', Buffer.from('lost'), limits)).rejects.toMatchObject({
    code: 'store_down',
    // It never got the lock, and is not done when it does.
    isUndone: true,
  });
  expect(store.state()).toBe('down');
  expect((await store.history.read('room', 0, 1)).last).toBe(0);
  const exited = once(holder, 'exit');
  holder.kill('SIGKILL');
  await exited;
  // The call that was told to have failed gets the lock first, and gives it back.
  const kept = () => store.history.append('room', Buffer.from('kept'), limits).catch(({ code }) => code);
  await expect.poll(kept).toEqual(expect.objectContaining({ offset: 1 }));
  expect([store.state(), states]).toEqual(['up', ['down', 'up']]);
});

/** A process that never ends a transaction. */
function startHolding(folder: string): ChildProcess {
  const child = fork(program('hold.mjs'), [folder]);
  endWithTest(child);
  return child;
}
