import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Key, open } from 'lmdb';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../src/index.ts';
import { closedWithTest, temporaryFolder, until } from './support/stores.ts';

const limits = { count: 100, ageMs: 60_000, bytes: 1_000_000 };
const bounds = { count: 100, bytes: 1_000_000 };
const node = { tier: 'push-server', host: '127.0.0.1', weight: 1, load: 0, state: 'ready' } as const;
const garbage = [Buffer.alloc(0), Buffer.from('{'), Buffer.from('5'), Buffer.from('null'), Buffer.from([0xff, 0x0f])];

test('values that cannot be read keep nothing else from being read, written and removed', async () => {
  const folder = await temporaryFolder();
  const before = await openEmbeddedStore(folder);
  await before.history.append('room', Buffer.from('old'), limits);
  await before.inbox.put('ann', { id: 'old', payload: Buffer.from('old'), ttlMs: 60_000 }, bounds);
  await before.registry.announce({ ...node, id: 'good', port: 1 }, 60_000);
  await before.close();
  const file = open<Buffer, Key>({ path: join(folder, 'store.mdb'), noSubdir: true, encoding: 'binary' });
  for (const [index, bytes] of garbage.entries()) {
    for (const kind of ['log', 'inbox', 'node', 'seen', 'session', 'key', 'letter', 'command']) {
      await file.put([kind, `bad ${index}`], bytes);
    }
  }
  await file.put(['log', 'room'], Buffer.from('{'));
  await file.put(['inbox', 'ann'], Buffer.from('{'));
  await file.close();

  const store = closedWithTest(await openEmbeddedStore(folder, { sweepMs: 100 }));
  expect(await store.history.read('room', 0, 10)).toMatchObject({ epoch: undefined, messages: [] });
  expect(await store.history.append('room', Buffer.from('new'), limits)).toMatchObject({ offset: 1 });
  expect((await store.history.read('room', 0, 10)).messages.map(({ payload }) => String(payload))).toEqual(['new']);
  expect(await store.inbox.put('ann', { id: 'new', payload: Buffer.from('new'), ttlMs: 60_000 }, bounds)).toMatchObject(
    {
      state: 'stored',
    },
  );
  expect((await store.registry.list()).map(({ id }) => id)).toEqual(['good']);
  expect(await store.summaries.write('bad 0', Buffer.from('x'))).toBeUndefined();
  expect(await store.summaries.send('bad 1', Buffer.from('new'))).toBe(true);
  expect(String(await store.summaries.write('bad 1', Buffer.from('x')))).toBe('new');
  // What expires after them is removed all the same.
  await store.sessions.save('short', Buffer.alloc(100_000), 100);
  await store.history.append('zz short', Buffer.alloc(100_000), { ...limits, ageMs: 100 });
  await until(
    async () => store.usedBytes() ?? 0,
    (used) => used < 100_000,
  );
  expect(store.state()).toBe('up');
});

test.each([
  '{}',
  '[]',
  '{"epoch":5,"ageMs":60000,"at":9e15,"first":1,"last":1,"bytes":0,"keys":0}',
  '{"epoch":"e","ageMs":60000,"at":"x","first":1,"last":1,"bytes":0,"keys":0}',
  '{"epoch":"e","ageMs":60000,"at":9e15,"first":1,"last":null,"bytes":0,"keys":0}',
])('a room or an inbox whose state is something else begins anew: %s', async (json) => {
  const folder = await temporaryFolder();
  const before = await openEmbeddedStore(folder);
  await before.history.append('room', Buffer.from('old'), limits);
  await before.inbox.put('ann', { id: 'old', payload: Buffer.from('old'), ttlMs: 60_000 }, bounds);
  await before.close();
  const file = open<Buffer, Key>({ path: join(folder, 'store.mdb'), noSubdir: true, encoding: 'binary' });
  for (const key of [
    ['log', 'room'],
    ['inbox', 'ann'],
    ['letter', 'ann', 'old'],
  ])
    await file.put(key, Buffer.from(json));
  await file.close();
  const store = closedWithTest(await openEmbeddedStore(folder));
  expect(await store.history.append('room', Buffer.from('new'), limits)).toEqual({
    epoch: expect.any(String),
    offset: 1,
    duplicate: false,
  });
  const { first, last, messages } = await store.history.read('room', 0, 10);
  expect([first, last, messages.map(({ payload }) => String(payload))]).toEqual([1, 1, ['new']]);
  const put = await store.inbox.put('ann', { id: 'new', payload: Buffer.from('new'), ttlMs: 60_000 }, bounds);
  expect(put.state).toBe('stored');
  expect((await store.inbox.pending('ann', 0, 10)).map(({ id }) => id)).toEqual(['new']);
});

test('messages of an inbox whose state is damaged are delivered until they are acked, also while the sweep removes those that have expired', async () => {
  const folder = await temporaryFolder();
  const before = await openEmbeddedStore(folder);
  for (const id of ['long', 'longer'])
    await before.inbox.put('ann', { id, payload: Buffer.from(id), ttlMs: 60_000 }, bounds);
  await before.inbox.put('ann', { id: 'short', payload: Buffer.from('short'), ttlMs: 1 }, bounds);
  await before.close();
  const file = open<Buffer, Key>({ path: join(folder, 'store.mdb'), noSubdir: true, encoding: 'binary' });
  await file.put(['inbox', 'ann'], Buffer.from('{'));
  await file.close();
  const store = closedWithTest(await openEmbeddedStore(folder, { sweepMs: 20 }));
  const waiting = async () => (await store.inbox.pending('ann', 0, 10)).map(({ id }) => id);
  expect(await waiting()).toEqual(['long', 'longer']);
  expect(await store.inbox.ack('ann', ['long'])).toBe(1);
  // Some sweeps.
  await pause(200);
  expect(await waiting()).toEqual(['longer']);
  expect(await store.inbox.ack('ann', ['longer'])).toBe(1);
  expect(await waiting()).toEqual([]);
});
