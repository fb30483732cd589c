import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../src/index.ts';
import { limits } from '../support/processes.ts';
import { closedWithTest, temporaryFolder } from '../support/stores.ts';

/** Sets back the number of the last transaction, as a process does that has read it, and opens the database only after the next commit. */
function setBack(folder: string): void {
  const program = `
    const fs = require('node:fs');
    const file = fs.openSync(process.argv[1], 'r+');
    const bytes = Buffer.alloc(8);
    fs.readSync(file, bytes, 0, 8, 8);
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE() - 1n);
    fs.writeSync(file, bytes, 0, 8, 8);`;
  execFileSync(process.execPath, ['-e', program, join(folder, 'store.mdb-lock')]);
}

test('a message that was stored is not overwritten by the next one because another process opened the store meanwhile', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  const append = async (text: string) => (await store.history.append('room', Buffer.from(text), limits)).offset;
  expect([await append('a'), await append('b')]).toEqual([1, 2]);
  setBack(folder);
  expect(await Promise.all([append('c'), append('d')])).toEqual([3, 4]);
  const { messages } = await store.history.read('room', 0, 10);
  expect(messages.map(({ payload }) => payload.toString())).toEqual(['a', 'b', 'c', 'd']);
});
