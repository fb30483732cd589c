import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { openRedisStore } from '../src/index.ts';
import { startRedis } from './support/redis.ts';
import { closedWithTest, redisConfig } from './support/stores.ts';

test('every key has the prefix, and an end, unless it is bounded by the connections of live nodes', async () => {
  const { port } = await startRedis();
  const { history, inbox, presence, registry, sessions } = closedWithTest(
    await openRedisStore(redisConfig({ host: '127.0.0.1', port, prefix: 'own' })),
  );
  const payload = Buffer.from('a');
  await history.append('room', payload, { count: 9, ageMs: 60_000, bytes: 999 }, 'key');
  for (const id of ['a', 'b']) await inbox.put('u', id, payload, { ttlMs: 60_000 }, { count: 9, bytes: 999 });
  await inbox.ack('u', ['a']);
  await sessions.save('s', payload, 60_000);
  await registry.announce({ id: 'n', tier: 'agent', host: 'h', port: 1, weight: 1, load: 0, state: 'ready' }, 60_000);
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
