import { lstatSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { filesOf, unfitFolder } from '../src/channel/folder.ts';
import { changedAt, removeFile } from '../src/channel/socket-file.ts';
import { openTaker } from '../src/taker/open-taker.ts';
import { removeStale } from '../src/taker/remove-stale.ts';
import { temporaryFolder } from './support/front.ts';
import { freePort } from './support/taker.ts';

const require = createRequire(import.meta.url);

/** Whether Node's module loader follows a symbolic link, as all packages of pnpm are behind one. */
function followsLinks(): boolean {
  const dir = realpathSync(temporaryFolder());
  mkdirSync(join(dir, 'real'));
  symlinkSync(join(dir, 'real'), join(dir, 'link'));
  for (const name of ['first.cjs', 'real/second.cjs']) writeFileSync(join(dir, name), '');
  // The fault shows only in folders that the loader has seen before.
  expect(require.resolve(join(dir, 'first.cjs'))).toBe(join(dir, 'first.cjs'));
  return require.resolve(join(dir, 'link/second.cjs')) === join(dir, 'real/second.cjs');
}

async function listenAt(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
}

const nothing = { onConnection: () => {}, onCloseRequest: () => {}, onGiver: () => {}, onFault: () => {} };

// Other tests of this process may have looked at a socket last.
beforeEach(() => void lstatSync('.'));

test('a process that looks at sockets of takers, and removes them, finds the modules that it loads afterwards', async () => {
  const dir = temporaryFolder();
  const { messages, descriptors } = filesOf(dir, 1, '00000000');
  await listenAt(messages);
  await listenAt(descriptors);
  expect(followsLinks()).toBe(true);
  expect(changedAt(messages)).toBeGreaterThan(0);
  expect(followsLinks()).toBe(true);
  await removeStale(dir, 1);
  expect(followsLinks()).toBe(true);
  removeFile(messages);
  removeFile(messages);
  expect(changedAt(messages)).toBeUndefined();
  expect(followsLinks()).toBe(true);
  await removeStale(dir, 1, 0);
  expect(changedAt(descriptors)).toBeUndefined();
  expect(followsLinks()).toBe(true);
});

test('a taker that starts where a taker died, and closes, leaves the module loader as it was', async () => {
  const dir = temporaryFolder();
  const port = freePort();
  await listenAt(filesOf(dir, port, '00000000').messages);
  const taker = await openTaker({ dir, port, name: 'a', ...nothing });
  expect(followsLinks()).toBe(true);
  await taker.close();
  expect(followsLinks()).toBe(true);
});

test('a socket in place of the folder is refused, and the module loader stays as it was', async () => {
  const path = join(temporaryFolder(), 'socket');
  await listenAt(path);
  expect(unfitFolder(path)).toMatch(/is not a folder/);
  expect(followsLinks()).toBe(true);
});
