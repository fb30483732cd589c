import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import {
  expectUnnoticed,
  hooksTo,
  joinAll,
  makeConfig,
  patiently,
  startHandingAgent,
  startServer,
} from './support/deployment.ts';

test('clients keep their sessions when their push-server stops while the store can be read alone', async () => {
  const { port } = await startRedis();
  const config = { ...(await makeConfig()), redisAdapter: { port } };
  const follow = (...master: [string, string]) =>
    execFileSync('redis-cli', ['-p', String(port), 'replicaof', ...master]);
  const [first, next] = [await startServer(config, 'first'), await startServer(config, 'next')];
  const { agent, moves } = await startHandingAgent(config, hooksTo(first, next), 2);
  const clients = await joinAll(agent, 12);
  const { size } = next.io.sockets.sockets;
  expect(size).toBeLessThan(clients.length);
  let connects = 0;
  for (const { client } of clients) client.on('connect', () => connects++);
  follow('127.0.0.1', '1');
  await first.close();
  await expect.poll(() => next.io.sockets.sockets.size, patiently).toBe(clients.length);
  expect(moves).toEqual(Array.from({ length: clients.length - size }, () => 'session migrated'));
  follow('no', 'one');
  expect(await next.push.toRoom('room', 'count', 0)).toMatchObject({ ok: true });
  await expectUnnoticed(clients, 1);
  expect(connects).toBe(0);
});
