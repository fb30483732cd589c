import { expect, test } from 'vitest';
import { openRedisStore } from '../src/index.ts';
import { startRedis } from './support/redis.ts';
import { closedWithTest, redisConfig } from './support/stores.ts';

const limits = { count: 100, ageMs: 600_000, bytes: 100_000_000 };
const bounds = { count: 100, bytes: 100_000_000 };
const full = { name: 'StoreError', code: 'store_full' };

/** A Redis of 4 MB that is full of messages, and its store. */
async function fillRedis() {
  const { port } = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction']);
  const store = closedWithTest(await openRedisStore(redisConfig({ host: '127.0.0.1', port })));
  await store.inbox.put('ann', 'letter', Buffer.from('a'), { ttlMs: 600_000 }, bounds);
  await store.history.append('r', Buffer.from('a'), limits, 'id');
  for (let count = 0; store.state() !== 'full'; count++) {
    await store.history.append(`room ${count}`, Buffer.alloc(20_000), limits).catch(() => {});
  }
  return store;
}

test('a full Redis takes no message, for rooms and users that are new either', async () => {
  const { history, inbox } = await fillRedis();
  for (let count = 0; count < 20; count++) {
    const payload = Buffer.alloc(20_000);
    await expect(history.append(`new ${count}`, payload, limits)).rejects.toMatchObject(full);
    await expect(inbox.put(`u${count}`, 'id', payload, { ttlMs: 600_000 }, bounds)).rejects.toMatchObject(full);
  }
  // What is there already is recognized, and acknowledged.
  expect(await history.append('r', Buffer.from('a'), limits, 'id')).toMatchObject({ offset: 1, duplicate: true });
  expect(await inbox.put('ann', 'letter', Buffer.from('a'), { ttlMs: 600_000 }, bounds)).toMatchObject({
    state: 'duplicate',
  });
  expect(await inbox.ack('ann', ['letter'])).toBe(1);
});

test('a full Redis keeps the leases, presence, sessions and keys of what goes on', async () => {
  const { presence, registry, peers, sessions, keys } = await fillRedis();
  const node = { id: 'n', tier: 'push-server', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' } as const;
  for (const each of [registry, peers]) {
    await each.announce(node, 60_000);
    expect(await each.list()).toEqual([node]);
  }
  expect(await presence.beat('n', 60_000)).toBe('begun');
  await presence.enter('n', { uid: 'ann', socket: 's', since: 1 });
  expect(await presence.joinRoom('n', 'room', 'ann', 's')).toEqual({ first: true, occupied: true });
  expect((await presence.room('room', 10)).users).toEqual([{ uid: 'ann', devices: 1 }]);
  expect(await presence.beat('n', 60_000)).toBe('renewed');
  await sessions.save('key', Buffer.from('a'), 60_000);
  expect(await sessions.take('key')).toEqual(Buffer.from('a'));
  expect(await keys.agree('key', Buffer.from('a'))).toEqual(Buffer.from('a'));
});
