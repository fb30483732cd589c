import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openFile } from '../../src/embedded/open-file.ts';
import { temporaryFolder } from '../support/stores.ts';

/** The locks of this process on a file, as the kernel lists them. */
function locksOn(path: string): readonly string[] {
  const { ino } = statSync(path);
  const lines = readFileSync('/proc/locks', 'utf8').split('\n');
  return lines.filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `));
}

// Without them another process that opens the folder would take the database for unused, and set up its locks anew.
test('opening a database that this process has open already does not end its locks', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'store.mdb');
  const open = () => openFile(folder, path, () => {});
  const one = await open();
  const held = locksOn(`${path}-lock`).length;
  expect(held).toBeGreaterThan(0);
  const other = await open();
  expect(locksOn(`${path}-lock`)).toHaveLength(held);
  await one.database.close();
  await other.database.close();
  one.guard.close();
  other.guard.close();
});
