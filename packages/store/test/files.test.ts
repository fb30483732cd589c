import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbeddedStore } from '../src/index.ts';
import { closedWithTest, temporaryFolder, until } from './support/stores.ts';

const limits = { count: 100, ageMs: 600_000, bytes: 1_000_000 };

/** A folder with a store in it that nobody has open. */
async function keptFolder(): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder();
  const store = await openEmbeddedStore(folder);
  for (let index = 0; index < 50; index++) await store.history.append('room', Buffer.alloc(500, index), limits);
  await store.close();
  return { folder, file: join(folder, 'store.mdb') };
}

/** Opening fails, says which file, and leaves it as it is. */
async function expectRefused(folder: string, file: string, code: string): Promise<void> {
  const before = await readFile(file);
  const error = await openEmbeddedStore(folder).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'StoreError', code });
  expect((error as Error).message).toContain(file);
  expect(before.equals(await readFile(file))).toBe(true);
}

test('a file that is no database is refused and left alone', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'store.mdb');
  for (const content of [
    'x',
    'some text of somebody\n'.repeat(1_000),
    Buffer.alloc(8_192),
    Buffer.alloc(100_000, 0xff),
  ]) {
    await writeFile(file, content);
    await expectRefused(folder, file, 'store_corrupt');
  }
});

test('a file that was cut, or whose heads or roots were overwritten, is refused and left alone', async () => {
  const { folder, file } = await keptFolder();
  const whole = await readFile(file);
  for (const length of [1, 100, 4_096, 5_000, 8_192]) {
    await writeFile(file, whole);
    await truncate(file, length);
    await expectRefused(folder, file, 'store_corrupt');
  }
  for (const [from, to] of [
    [0, 4_096],
    [4_096, 8_192],
    [8_192, whole.length],
  ]) {
    await writeFile(file, Buffer.from(whole).fill(0xaa, from, to));
    await expectRefused(folder, file, 'store_corrupt');
  }
  await writeFile(file, whole);
  const store = closedWithTest(await openEmbeddedStore(folder));
  expect((await store.history.read('room', 0, 100)).messages.length).toBe(50);
});

test('whatever bytes a file begins with, opening it refuses instead of ending the process', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'store.mdb');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 20_000, size: 'max' }), async (bytes) => {
      await writeFile(file, bytes);
      await expectRefused(folder, file, 'store_corrupt');
    }),
    { numRuns: 30 },
  );
});

test('what another version kept is refused and left alone', async () => {
  for (const entries of [{ format: 'gopush store 99' }, { other: 'a database of somebody' }]) {
    const folder = await temporaryFolder();
    const file = join(folder, 'store.mdb');
    const other = open<Buffer, string>({ path: file, noSubdir: true, encoding: 'binary' });
    for (const [key, value] of Object.entries(entries)) await other.put(key, Buffer.from(value));
    await other.close();
    await expectRefused(folder, file, 'store_format');
  }
});

test('a folder that cannot be made is refused', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'file');
  await writeFile(file, '');
  const error = await openEmbeddedStore(join(file, 'inside')).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'StoreError' });
  expect((error as Error).message).toContain(file);
});

// To root nothing is read-only: the test then asks as nobody, who may not write there.
test.skipIf(process.platform === 'win32')('a folder that may not be written is refused', async () => {
  const { folder, file } = await keptFolder();
  await chmod(folder, 0o555);
  onTestFinished(() => chmod(folder, 0o755));
  const program = join(import.meta.dirname, 'programs', 'open.mjs');
  const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const child = spawn(process.execPath, [program, folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...asNobody,
  });
  const exited = once(child, 'exit');
  const [said] = await once(child, 'message');
  expect(said.code).toBe('store_denied');
  expect(said.message).toContain(file);
  await exited;
});

test('nothing grows while the disk is nearly full; what makes room goes on', async () => {
  const { folder } = await keptFolder();
  const store = closedWithTest(await openEmbeddedStore(folder, { reserveBytes: Number.MAX_SAFE_INTEGER }));
  const full = { name: 'StoreError', code: 'store_full' };
  await expect(store.history.append('room', Buffer.from('a'), limits)).rejects.toMatchObject(full);
  await expect(store.sessions.save('key', Buffer.from('a'), 1_000)).rejects.toMatchObject(full);
  const bounds = { count: 1, bytes: 10 };
  await expect(
    store.inbox.put('u', { id: 'i', payload: Buffer.from('a'), ttlMs: 1_000 }, bounds),
  ).rejects.toMatchObject(full);
  expect((await store.history.read('room', 0, 100)).messages.length).toBe(50);
  expect(store.state()).toBe('full');
  await store.history.removed('room');
  expect((await store.history.read('room', 0, 100)).messages).toEqual([]);
});

test('what has expired is removed though nobody asks for it', async () => {
  const folder = await temporaryFolder();
  const store = await openEmbeddedStore(folder, { sweepMs: 20 });
  await store.history.append('room', Buffer.from('a'), { ...limits, ageMs: 50 }, 'key');
  await store.sessions.save('key', Buffer.from('a'), 50);
  const bounds = { count: 10, bytes: 100 };
  await store.inbox.put('u', { id: 'waits', payload: Buffer.from('a'), ttlMs: 50 }, bounds);
  await store.inbox.put('u', { id: 'acked', payload: Buffer.from('a'), ttlMs: 50 }, bounds);
  await store.inbox.ack('u', ['acked']);
  const database = open<Buffer, string[]>({ path: join(folder, 'store.mdb'), noSubdir: true, encoding: 'binary' });
  const own = new Set(['format', 'swept', 'clock']);
  const left = await until(
    async () => {
      database.resetReadTxn();
      return [...database.getKeys()].filter((key) => !own.has([key].flat()[0] ?? ''));
    },
    (keys) => keys.length === 0,
  );
  expect(left).toEqual([]);
  await store.close();
});
