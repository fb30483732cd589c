import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../src/index.ts';
import { endWithTest, limits, program } from '../support/processes.ts';
import { closedWithTest, temporaryFolder } from '../support/stores.ts';

// The size of files is limited, as a real full disk is no test's to make.
test.skipIf(process.platform === 'win32')('a full disk is said, and what was kept stays', async () => {
  const folder = await temporaryFolder();
  const command = `ulimit -f 2000; exec "${process.execPath}" "${program('fill.mjs')}" "${folder}"`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'inherit', 'ignore', 'ipc'] });
  endWithTest(child);
  const exited = once(child, 'exit');
  const [said] = (await once(child, 'message')) as [{ code: string; appended: number; kept: number }];
  expect(said.code).toBe('store_full');
  expect(said.appended).toBeGreaterThan(100);
  expect(said.kept).toBe(said.appended);
  await exited;
  const store = closedWithTest(await openEmbeddedStore(folder));
  expect((await store.history.read('room', 0, 100_000)).messages.length).toBe(said.appended);
  expect((await store.history.append('room', Buffer.alloc(2_000), limits)).offset).toBe(said.appended + 1);
});
