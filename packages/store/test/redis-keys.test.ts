import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { openRedisStore } from '../src/index.ts';
import { startRedis } from './support/redis.ts';
import { closedWithTest, redisConfig } from './support/stores.ts';

test('every key has the prefix, and an end, unless it is bounded by the connections of live nodes', async () => {
  const { port } = await startRedis();
  const { history, inbox, presence, registry, sessions, summaries } = closedWithTest(
    await openRedisStore(redisConfig({ host: '127.0.0.1', port, prefix: 'own' })),
  );
  const payload = Buffer.from('a');
  await history.append('room', payload, { count: 9, ageMs: 60_000, bytes: 999 }, 'key');
  for (const id of ['a', 'b']) await inbox.put('u', { id, payload, ttlMs: 60_000 }, { count: 9, bytes: 999 });
  await inbox.ack('u', ['a']);
  await sessions.save('s', payload, 60_000);
  await registry.announce({ id: 'n', tier: 'agent', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' }, 60_000);
  await summaries.write('n', payload);
  await summaries.send('n', payload);
  await presence.beat('n', 60_000);
  for (const socket of ['s1', 's2']) await presence.enter('n', { uid: socket, socket, since: 1 });
  await presence.joinRoom('n', 'room', 's1', 's1');
  await presence.leave('n', 's2');
  const client = new Redis(port);
  onTestFinished(() => client.disconnect());
  const endless = [];
  for (const key of await client.keys('*')) {
    expect(key).toMatch(/^own:[a-z]+:\{[^{}]+\}$/);
    if ((await client.pttl(key)) < 0) endless.push(key.split(':')[1]);
  }
  expect(endless.sort()).toEqual(['beats', 'nj', 'ns', 'r', 'rc', 'u']);
});

test('a command that waited for too long, or that is none, does not reach its node, and does not hold up the next one', async () => {
  const { port } = await startRedis();
  const { summaries } = closedWithTest(await openRedisStore(redisConfig({ host: '127.0.0.1', port, prefix: 'own' })));
  const client = new Redis(port);
  onTestFinished(() => client.disconnect());
  for (const other of [`${Date.now() - 60_000} old`, `${Date.now() + 60_000} from the future`, 'no time', '']) {
    for (const isSent of [false, true]) {
      await client.hset('own:commands:{cluster}', { node: other });
      if (isSent) expect(await summaries.send('node', Buffer.from('new'))).toBe(true);
      expect((await summaries.write('node', Buffer.from('x')))?.toString()).toBe(isSent ? 'new' : undefined);
    }
  }
});

test('values of others among the summaries are counted or left out, and a key of another type fails calls until it is removed', async () => {
  const { port } = await startRedis();
  const { summaries } = closedWithTest(await openRedisStore(redisConfig({ host: '127.0.0.1', port, prefix: 'own' })));
  const client = new Redis(port);
  onTestFinished(() => client.disconnect());
  await summaries.write('node', Buffer.from('x'));
  await client.hset('own:summaries:{cluster}', { long: 'x'.repeat(20_000), unlisted: 'y' });
  await client.zadd(
    'own:written:{cluster}',
    Date.now(),
    'long',
    Date.now(),
    'missing',
    '1e300',
    'late',
    '-inf',
    'early',
  );
  const { kept, damaged } = await summaries.read();
  expect([kept.map(({ id }) => id), damaged]).toEqual([['node'], 1]);
  for (const key of ['own:summaries:{cluster}', 'own:written:{cluster}']) {
    await client.del(key);
    await client.set(key, 'a text');
    await expect(summaries.write('node', Buffer.from('x'))).rejects.toMatchObject({ code: 'store_corrupt' });
    await client.del(key);
  }
  await summaries.write('node', Buffer.from('x'));
  expect((await summaries.read()).kept).toHaveLength(1);
});

test('of nodes that are silent the newest hundred are kept, and none for more than ten minutes', async () => {
  const { port } = await startRedis();
  const { summaries } = closedWithTest(await openRedisStore(redisConfig({ host: '127.0.0.1', port, prefix: 'own' })));
  const client = new Redis(port);
  onTestFinished(() => client.disconnect());
  const now = Date.now();
  for (let node = 0; node < 300; node++) {
    await client.hset('own:summaries:{cluster}', `silent-${node}`, 'x');
    await client.zadd('own:written:{cluster}', now - 20_000 - node, `silent-${node}`);
  }
  await client.hset('own:summaries:{cluster}', 'old', 'x');
  await client.zadd('own:written:{cluster}', now - 601_000, 'old');
  expect((await summaries.read()).kept.map(({ id }) => id)).not.toContain('old');
  await summaries.write('node', Buffer.from('x'));
  const ids = (await summaries.read()).kept.map(({ id }) => id);
  expect(ids).toHaveLength(101);
  expect(ids.slice(0, 2)).toEqual(['node', 'silent-0']);
  expect(await client.hlen('own:summaries:{cluster}')).toBe(101);
});
