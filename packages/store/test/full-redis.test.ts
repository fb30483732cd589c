import { expect, onTestFinished, test } from 'vitest';
import { createRedisClient, openRedisStore } from '../src/index.ts';
import { startRedis } from './support/redis.ts';
import { closedWithTest, redisConfig, until } from './support/stores.ts';

const limits = { count: 100, ageMs: 600_000, bytes: 100_000_000 };
const bounds = { count: 100, bytes: 100_000_000 };
const full = { name: 'StoreError', code: 'store_full' };

/** The store of a Redis that has a little more than its maxmemory. */
async function fillRedis() {
  const { port } = await startRedis(['--maxmemory-policy', 'noeviction']);
  const config = redisConfig({ host: '127.0.0.1', port });
  const store = closedWithTest(await openRedisStore(config));
  await store.inbox.put('ann', { id: 'letter', payload: Buffer.from('a'), ttlMs: 600_000 }, bounds);
  await store.history.append('r', Buffer.from('a'), limits, 'id');
  const client = createRedisClient(config, 1);
  onTestFinished(() => client.disconnect());
  const [, used] = /^used_memory:(\d+)/m.exec(await client.info('memory')) ?? [];
  await client.call('config', 'set', 'maxmemory', Math.floor(0.85 * Number(used)));
  await until(
    async () => store.state(),
    (state) => state === 'full',
  );
  return { store, setMax: (bytes: number) => client.call('config', 'set', 'maxmemory', bytes) };
}

test('a full Redis takes no message, for rooms and users that are new either', async () => {
  const { history, inbox } = (await fillRedis()).store;
  for (let count = 0; count < 20; count++) {
    const payload = Buffer.alloc(20_000);
    await expect(history.append(`new ${count}`, payload, limits)).rejects.toMatchObject(full);
    await expect(inbox.put(`u${count}`, { id: 'id', payload, ttlMs: 600_000 }, bounds)).rejects.toMatchObject(full);
  }
  // What is there already is recognized, and acknowledged.
  expect(await history.append('r', Buffer.from('a'), limits, 'id')).toMatchObject({ offset: 1, duplicate: true });
  expect(await inbox.put('ann', { id: 'letter', payload: Buffer.from('a'), ttlMs: 600_000 }, bounds)).toMatchObject({
    state: 'duplicate',
  });
  expect(await inbox.ack('ann', ['letter'])).toBe(1);
});

test('a full Redis keeps the leases, presence, sessions and keys of what goes on', async () => {
  const { store, setMax } = await fillRedis();
  const { presence, registry, peers, sessions, keys } = store;
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
  // Sessions are many, so they have a bound as well.
  await setMax(100_000);
  const save = () => sessions.save('key', Buffer.from('a'), 60_000).catch((error: unknown) => error);
  expect(await until(save, (error) => error !== undefined)).toMatchObject(full);
  expect(await presence.beat('n', 60_000)).toBe('renewed');
});

test('near its maxmemory the oldest messages go, in whatever room, and readers are told of the gap', async () => {
  const { port } = await startRedis(['--maxmemory', '12mb', '--maxmemory-policy', 'noeviction']);
  // Characters that stand for others in patterns of Redis.
  const config = { ...redisConfig({ host: '127.0.0.1', port }), prefix: 'go[p]ush*?' };
  const [store, other] = [await openRedisStore(config), await openRedisStore(config)];
  for (const each of [store, other]) closedWithTest(each);
  const { epoch } = await store.history.append('quiet', Buffer.from('oldest'), limits, 'id');
  await store.inbox.put('ann', { id: 'letter', payload: Buffer.from('a'), ttlMs: 600_000 }, bounds);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const append = (count: number) =>
    store.history.append(`room ${count % 20}`, Buffer.alloc(20_000), { ...limits, count: 1_000 });
  for (let count = 0; store.state() !== 'full'; count++) await append(count).catch(() => {});
  await until(
    async () => store.state(),
    (state) => state === 'up',
  );
  expect(store.usedBytes()).toBeGreaterThan(500_000);
  const quiet = await until(
    () => store.history.read('quiet', 0, 10),
    ({ messages }) => messages.length === 0,
  );
  expect(quiet).toEqual({ epoch, first: 2, last: 1, messages: [] });
  const newest = await until(
    () => store.history.append('quiet', Buffer.from('newest'), limits).catch(() => undefined),
    (appended) => appended !== undefined,
  );
  expect(newest).toMatchObject({ epoch, offset: 2 });
  // Letters are not messages of rooms.
  expect((await store.inbox.pending('ann', 0, 10)).length).toBe(1);
  // Room is made as fast as it is needed.
  for (let count = 0; count < 200; count++) {
    await until(
      () => append(count).catch(() => undefined),
      (appended) => appended !== undefined,
    );
  }
  const { last, messages } = await store.history.read('room 19', 0, 1_000);
  expect(messages.at(-1)?.offset).toBe(last);
});
