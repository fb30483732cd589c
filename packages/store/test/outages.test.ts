import { expect, onTestFinished, test } from 'vitest';
import { createRedisClient, openRedisStore, type Store, type StoreState } from '../src/index.ts';
import { freePort, startRedis, startRedisCluster, startSentinel } from './support/redis.ts';
import { closedWithTest, fresh, redisConfig, until } from './support/stores.ts';

const limits = { count: 1_000, ageMs: 600_000, bytes: 100_000_000 };
const down = { name: 'StoreError', code: 'store_down' };
const append = (store: Store, room = 'room') => store.history.append(room, Buffer.from('a'), limits);

/** Waits for the event, unless it is so already. */
function stateOf(store: Store, state: StoreState): Promise<void> {
  return new Promise((resolve) => {
    const stop = store.onState((now) => {
      if (now !== state) return;
      stop();
      resolve();
    });
    if (store.state() !== state) return;
    stop();
    resolve();
  });
}

async function openAt(port: number): Promise<Store> {
  return closedWithTest(await openRedisStore(redisConfig({ host: '127.0.0.1', port })));
}

test('a Redis that is killed is down, and up again by itself once it is back', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  expect(store.state()).toBe('up');
  await append(store);
  await redis.kill();
  await expect(append(store)).rejects.toMatchObject(down);
  await stateOf(store, 'down');
  const calls = [
    store.history.read('room', 0, 1),
    store.inbox.status('u', 'i'),
    store.sessions.take('key'),
    store.registry.list(),
    store.presence.user('u'),
    store.presence.sweep(),
  ];
  for (const result of await Promise.allSettled(calls)) {
    expect(result).toMatchObject({ status: 'rejected', reason: down });
  }
  await redis.restart();
  await stateOf(store, 'up');
  // It came back empty: offsets begin again, under another epoch.
  expect((await append(store)).offset).toBe(1);
});

test('a Redis that hangs is down in bounded time, and up again once it goes on', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  const { epoch } = await append(store);
  redis.pause();
  const results = await Promise.allSettled([append(store, 'lost'), store.registry.list(), store.sessions.read('key')]);
  for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: down });
  expect(store.state()).toBe('down');
  redis.resume();
  await stateOf(store, 'up');
  expect(await append(store)).toMatchObject({ epoch, offset: 2 });
});

test('a Redis that has answered while the process of the store stood still does not hang', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  await append(store);
  const states: StoreState[] = [];
  store.onState((state) => states.push(state));
  const answers = [append(store), store.registry.list()];
  // What was asked leaves first.
  await new Promise((resolve) => setImmediate(resolve));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
  expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  expect((await append(store)).offset).toBe(3);
  expect(states).toEqual([]);
});

test('a Redis that hangs is noticed though nobody asks', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  redis.pause();
  await stateOf(store, 'down');
  redis.resume();
  await stateOf(store, 'up');
});

test('a Redis that is not there yet makes a store that is down, and comes up', async () => {
  const port = await freePort();
  const store = await openAt(port);
  expect(store.state()).toBe('down');
  await expect(append(store)).rejects.toMatchObject(down);
  await startRedis([], port);
  await stateOf(store, 'up');
  expect((await append(store)).offset).toBe(1);
});

test('a watch keeps its list while Redis is away, and goes on after', async () => {
  const redis = await startRedis();
  const [store, other] = [await openAt(redis.port), await openAt(redis.port)];
  const node = { id: 'n', tier: 'agent', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' } as const;
  await other.registry.announce(node, 60_000);
  const heard: number[] = [];
  let told = (): void => {};
  const hears = (ports: number[]): Promise<void> =>
    new Promise((resolve) => {
      told = () => {
        if (JSON.stringify(heard.slice(-ports.length)) === JSON.stringify(ports)) resolve();
      };
      told();
    });
  onTestFinished(
    store.registry.watch((nodes) => {
      heard.push(...nodes.map(({ port }) => port));
      told();
    }),
  );
  await hears([1]);
  await redis.kill();
  await stateOf(store, 'down');
  await redis.restart();
  await Promise.all([stateOf(store, 'up'), stateOf(other, 'up')]);
  await other.registry.announce({ ...node, port: 2 }, 60_000);
  await hears([1, 2]);
});

test('a Redis without memory is full: it refuses what grows, and answers what is read', async () => {
  const redis = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction']);
  const store = await openAt(redis.port);
  const refused = await (async () => {
    for (;;) {
      try {
        await store.history.append('room', Buffer.alloc(100_000), limits);
      } catch (error) {
        return error;
      }
    }
  })();
  expect(refused).toMatchObject({ name: 'StoreError', code: 'store_full' });
  expect(store.state()).toBe('full');
  const { last, messages } = await store.history.read('room', 0, 1_000);
  expect(messages.length).toBe(last);
  await store.sessions.save('key', Buffer.from('a'), 60_000);
  await store.history.removed('room');
  await stateOf(store, 'up');
  expect((await append(store)).offset).toBe(1);
});

test('a Redis that is full is noticed though nobody writes, and so is that it has space again', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  const client = connectTo(redis.port);
  await client.call('config', 'set', 'maxmemory', '1');
  await stateOf(store, 'full');
  await client.call('config', 'set', 'maxmemory', '0');
  await stateOf(store, 'up');
});

test('a Redis that is read-only is read, and sessions are taken over from it', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  await store.sessions.save('key', Buffer.from('a'), 60_000);
  const client = connectTo(redis.port);
  await client.call('replicaof', '127.0.0.1', '1');
  await stateOf(store, 'read-only');
  await expect(append(store)).rejects.toMatchObject(down);
  // The connection may just be exchanged, as another server may have taken over.
  const taken = () => store.sessions.take('key').catch(() => undefined);
  expect(await until(taken, (found) => found !== undefined)).toEqual(Buffer.from('a'));
  await client.call('replicaof', 'no', 'one');
  await stateOf(store, 'up');
});

test('a Redis that lost everything is noticed: by a restart, by FLUSHALL', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  const forgotten = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = store.onForgotten(() => {
        stop();
        resolve();
      });
    });
  let told = forgotten();
  await connectTo(redis.port).call('flushall');
  await told;
  told = forgotten();
  await redis.kill();
  await redis.restart();
  await told;
  expect(store.state()).toBe('up');
});

test('a Redis that lost everything does not make nodes go that are there', async () => {
  const redis = await startRedis();
  const store = await openAt(redis.port);
  const nodes = ['a', 'b'].map(
    (id) => ({ id, tier: 't', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' }) as const,
  );
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  for (const node of nodes) await store.registry.announce(node, 60_000);
  const heard: string[] = [];
  const stop = store.registry.watch((list) => void heard.push(list.map(({ id }) => id).join()));
  onTestFinished(stop);
  await until(
    async () => heard.at(-1),
    (last) => last === 'a,b',
  );
  await connectTo(redis.port).call('flushall');
  // One says so again later than the other, and is on another port by then.
  await store.registry.announce(a, 60_000);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await store.registry.announce({ ...b, port: 2 }, 60_000);
  await store.registry.announce({ ...a, id: 'c' }, 60_000);
  await until(
    async () => heard.at(-1),
    (last) => last === 'a,b,c',
  );
  expect(heard).toEqual(['a,b', 'a,b,c']);
});

function connectTo(port: number) {
  const client = createRedisClient(redisConfig({ host: '127.0.0.1', port }), 1);
  onTestFinished(() => client.disconnect());
  client.on('error', () => {});
  return client;
}

test('a cluster that lost a server fails in bounded time, and serves all rooms once it is back', async () => {
  const { ports, servers } = await startRedisCluster();
  const cluster = ports.map((port) => ({ host: '127.0.0.1', port }));
  const store = closedWithTest(await openRedisStore(redisConfig({ cluster })));
  // So many that the chance of none of them being of the killed server is below 10^-10.
  const rooms = Array.from({ length: 60 }, () => fresh('room'));
  await Promise.all(rooms.map((room) => append(store, room)));
  await servers[1]?.kill();
  const results = await Promise.allSettled(rooms.map((room) => append(store, room)));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(failures.length).toBeGreaterThan(0);
  for (const reason of failures) expect(reason).toMatchObject(down);
  await servers[1]?.restart();
  const served = async (room: string): Promise<number> => {
    for (;;) {
      const appended = await append(store, room).catch(() => undefined);
      if (appended !== undefined) return appended.offset;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  for (const room of rooms) expect(await served(room)).toBeGreaterThan(0);
  await stateOf(store, 'up');
});

test('when sentinels put another Redis in the place of one that is gone, the store goes on there', async () => {
  const { port, master } = await startSentinel();
  const config = redisConfig({ sentinels: [{ host: '127.0.0.1', port }], sentinelName: 'mymaster' });
  const store = closedWithTest(await openRedisStore(config));
  const client = createRedisClient(config, 1);
  onTestFinished(() => client.disconnect());
  client.on('error', () => {});
  const { epoch } = await append(store);
  // Waits until the replica has it: what comes later in the one stream of changes is there, too.
  await client.set('later', 1);
  expect(await client.call('wait', 1, 10_000)).toBe(1);
  client.disconnect();
  await master.kill();
  await stateOf(store, 'down');
  await stateOf(store, 'up');
  expect(await append(store)).toEqual({ epoch, offset: 2, duplicate: false });
});

test('offsets that a Redis does not know, as it took over without the last writes, are not given again', async () => {
  const redis = await startRedis();
  const [store, other] = [await openAt(redis.port), await openAt(redis.port)];
  for (let count = 0; count < 5; count++) await append(store);
  const client = connectTo(redis.port);
  const lose = async (last: number): Promise<void> => {
    await client.call('hset', 'gopush-test:hm:{room}', 'l', last);
    await client.call('xtrim', 'gopush-test:h:{room}', 'maxlen', 0);
  };
  await lose(2);
  expect((await append(store)).offset).toBe(1_006);
  // If nothing is appended: whoever did that before tells when it is back.
  await lose(2);
  await client.call('replicaof', '127.0.0.1', '1');
  await stateOf(store, 'read-only');
  await client.call('replicaof', 'no', 'one');
  await stateOf(store, 'up');
  expect((await store.history.read('room', 5, 10)).last).toBe(2_006);
  expect((await append(other)).offset).toBe(2_007);
});
