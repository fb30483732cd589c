import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { isLong } from '../../../../test/support/long.ts';
import { openEmbeddedStore } from '../../src/index.ts';
import { endWithTest, limits, program } from '../support/processes.ts';
import { closedWithTest } from '../support/stores.ts';

/** A folder on a disk, if there is one: in memory there is nothing to wait for. */
async function diskFolder(): Promise<string> {
  const folder = await mkdtemp(join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), 'gopush-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Fills a transaction: in one that changes many pages, others were waited for. */
const rooms = Array.from({ length: 256 }, (_, index) => `room ${index}`);

test('a process that is killed while it waits for the disk does not break the store of others', async () => {
  const folder = await diskFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  const offsets: number[] = [];
  const errors: unknown[] = [];
  let isDone = false;
  const append = async (room: string): Promise<void> => {
    const { offset } = await store.history.append(room, Buffer.alloc(500), limits);
    if (room === 'room') offsets.push(offset);
  };
  const appending = (async () => {
    while (!isDone && errors.length === 0) {
      await Promise.all(['room', ...rooms].map(append)).catch((error: unknown) => errors.push(error));
    }
  })();
  for (let round = 0; round < (isLong ? 40 : 8); round++) {
    const victim = fork(program('bulk.mjs'), [folder, '100000']);
    endWithTest(victim);
    victim.on('message', (offset) => offsets.push(offset as number));
    await once(victim, 'message');
    // Anywhere in the middle of the next one. Then others wait for what it holds.
    await pause(Math.random() * 20);
    victim.kill('SIGSTOP');
    await pause(100);
    const exited = Promise.all([once(victim, 'exit'), once(victim, 'disconnect')]);
    victim.kill('SIGKILL');
    await exited;
  }
  isDone = true;
  await appending;
  expect(errors).toEqual([]);
  expect(offsets.length).toBe(new Set(offsets).size);
  expect(store.state()).toBe('up');
});
