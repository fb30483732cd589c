import { performance } from 'node:perf_hooks';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openEmbeddedStore, openRedisStore, type Store, type StoreState } from '../src/index.ts';
import { startRedis } from './support/redis.ts';
import { closedWithTest, redisConfig, temporaryFolder, until } from './support/stores.ts';

const megabyte = 1_048_576;
const limits = { count: 1_000, ageMs: 600_000, bytes: 100 * megabyte };
const full = { name: 'StoreError', code: 'store_full' };

/** Resolves when the store is in this state. */
function stateOf(store: Store, state: StoreState): Promise<StoreState> {
  return until(
    async () => store.state(),
    (now) => now === state,
  );
}

/** Adds to rooms until the store is full. @returns how many messages it took */
async function fill(store: Store, room: (count: number) => string, ageMs = limits.ageMs): Promise<number> {
  for (let count = 0; ; count++) {
    try {
      await store.history.append(room(count), Buffer.alloc(10_000, count), { ...limits, ageMs });
    } catch (error) {
      expect(error).toMatchObject(full);
      return count;
    }
  }
}

test('thousands that have expired at once are gone soon, and the event loop goes on meanwhile', async () => {
  const store = closedWithTest(await openEmbeddedStore(await temporaryFolder(), { sweepMs: 200 }));
  // Each has 2 s: of all at once the last would wait for longer, on a busy machine.
  for (let batch = 0; batch < 8_000; batch += 1_000) {
    const saves = Array.from({ length: 1_000 }, (_, index) =>
      store.sessions.save(`session ${batch + index}`, Buffer.alloc(1_000), 1_500),
    );
    await Promise.all(saves);
  }
  const appends = Array.from({ length: 500 }, (_, index) =>
    store.history.append(`room ${index}`, Buffer.alloc(1_000), { ...limits, ageMs: 300 }, `id ${index}`),
  );
  await Promise.all(appends);
  await until(
    async () => store.usedBytes() ?? 0,
    (used) => used > 5 * megabyte,
  );
  let longestMs = 0;
  let before = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - before);
    before = performance.now();
  }, 1);
  await until(
    async () => store.usedBytes() ?? 0,
    (used) => used < 100_000,
  );
  clearInterval(timer);
  expect(longestMs).toBeLessThan(500);
});

test('a store that is full says so, takes sessions still, and takes messages again when what it holds has expired', async () => {
  const options = { sweepMs: 200, maxBytes: 4 * megabyte };
  const store = closedWithTest(await openEmbeddedStore(await temporaryFolder(), options));
  await fill(store, (count) => `room ${count}`, 1_500);
  expect(store.state()).toBe('full');
  await store.sessions.save('key', Buffer.alloc(1_000), 60_000);
  expect((await store.sessions.take('key'))?.length).toBe(1_000);
  await stateOf(store, 'up');
  await until(
    async () => store.usedBytes() ?? 0,
    (used) => used < megabyte,
  );
  const more = await fill(store, (count) => `other ${count}`, 1_500);
  expect(more).toBeGreaterThan(200);
});

test('near its bound the oldest messages go, in whatever room, and readers are told of the gap', async () => {
  const options = { sweepMs: 100, maxBytes: 4 * megabyte };
  const store = closedWithTest(await openEmbeddedStore(await temporaryFolder(), options));
  const { epoch } = await store.history.append('quiet', Buffer.from('oldest'), limits);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await fill(store, (count) => `room ${count % 20}`);
  await stateOf(store, 'up');
  const quiet = await until(
    () => store.history.read('quiet', 0, 10),
    ({ messages }) => messages.length === 0,
  );
  expect(quiet).toEqual({ epoch, first: 2, last: 1, messages: [] });
  expect((await store.history.append('quiet', Buffer.from('newest'), limits)).offset).toBe(2);
  // Filled at a pace that eviction can follow it is never full for long.
  for (let count = 0; count < 600; count++) {
    const append = () =>
      store.history.append(`room ${count % 20}`, Buffer.alloc(10_000), limits).catch(() => undefined);
    await until(append, (appended) => appended !== undefined);
  }
  expect((await store.history.read('room 19', 0, 1_000)).messages.length).toBeGreaterThan(0);
});

test('the last connection of a user is remembered as long as the setting says, on disk as well as in Redis', async () => {
  const redis = redisConfig({ host: '127.0.0.1', port: (await startRedis()).port });
  const folders = [await temporaryFolder(), await temporaryFolder()];
  // Long enough to read on a busy machine what was just written.
  const lastSeenMs = 1_000;
  const remembering = [
    await openEmbeddedStore(folders[0] as string, { lastSeenMs, sweepMs: 50 }),
    await openRedisStore(redis, { lastSeenMs }),
  ];
  const forgetful = [
    await openEmbeddedStore(folders[1] as string, { lastSeenMs: 0 }),
    await openRedisStore({ ...redis, prefix: 'other' }, { lastSeenMs: 0 }),
  ];
  const afterLeaving = async ({ presence }: Store) => {
    await presence.beat('node', 60_000);
    await presence.enter('node', { uid: 'ann', socket: 's', since: 1 });
    await presence.leave('node', 's');
    return (await presence.user('ann')).lastSeen;
  };
  for (const store of [...remembering, ...forgetful]) closedWithTest(store);
  // Each by itself: the time of one runs while another is waited for.
  await Promise.all(
    remembering.map(async (store) => {
      expect(await afterLeaving(store)).toBeGreaterThan(0);
      await until(
        () => store.presence.user('ann'),
        ({ lastSeen }) => lastSeen === undefined,
      );
    }),
  );
  for (const store of forgetful) expect(await afterLeaving(store)).toBeUndefined();
});

test('a clock that is set forward or back changes nothing for what is kept', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder, { sweepMs: 50 }));
  await store.presence.beat('node', 60_000);
  await store.presence.enter('node', { uid: 'ann', socket: 's', since: 1 });
  await store.presence.joinRoom('node', 'room', 'ann', 's');
  await store.sessions.save('key', Buffer.from('session'), 60_000);
  await store.history.append('room', Buffer.from('message'), { ...limits, ageMs: 60_000 });
  const put = { ttlMs: 60_000 };
  await store.inbox.put('ann', { id: 'id', payload: Buffer.from('letter'), ...put }, { count: 10, bytes: 1_000 });
  const node = { id: 'n', tier: 'agent', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' } as const;
  await store.registry.announce(node, 60_000);
  const realNow = Date.now;
  onTestFinished(() => void vi.restoreAllMocks());
  for (const jumpMs of [600_000, -600_000, 86_400_000]) {
    vi.spyOn(Date, 'now').mockImplementation(() => realNow() + jumpMs);
    // Another process that opens it now.
    const other = await openEmbeddedStore(folder, { sweepMs: 50 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const each of [store, other]) {
      expect(await each.presence.beat('node', 60_000)).toBe(each === store ? 'renewed' : 'begun');
      expect((await each.presence.room('room', 10)).users).toEqual([{ uid: 'ann', devices: 1 }]);
      expect(await each.sessions.read('key')).toEqual(Buffer.from('session'));
      const [message] = (await each.history.read('room', 0, 1)).messages;
      // Shown by the clock that people see.
      expect(Math.abs((message?.at ?? 0) - Date.now())).toBeLessThan(10_000);
      expect((await each.inbox.pending('ann', 0, 1)).length).toBe(1);
      expect((await each.registry.list()).length).toBe(1);
    }
    await other.close();
  }
});
