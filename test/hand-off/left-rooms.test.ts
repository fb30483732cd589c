import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { undisturbed } from '../support/undisturbed.ts';
import {
  hooksTo,
  joinAll,
  makeConfig,
  patiently,
  startHandingAgent,
  startProcess,
  startServer,
} from './support/deployment.ts';

test('clients that have left a room in which they had messages notice nothing when their push-server is killed', async () => {
  const config = await makeConfig();
  const [first, next] = [await startProcess(config), await startServer(config, 'next')];
  const { agent, moves } = await startHandingAgent(config, hooksTo(first, next), 2);
  const clients = (await joinAll(agent, 12)).map(({ client }) => client);
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'left')));
  const heard = clients.map((client) => new Promise((resolve) => client.once('news', resolve)));
  expect(await next.push.toRoom('left', 'news', 1)).toMatchObject({ ok: true });
  await Promise.all(heard);
  await Promise.all(clients.map((client) => client.emitWithAck('go:leave', 'left')));
  const checks = clients.map(undisturbed);
  const { size } = next.io.sockets.sockets;
  expect(size).toBeLessThan(clients.length);
  first.child.kill('SIGKILL');
  await expect.poll(() => next.io.sockets.sockets.size, patiently).toBe(clients.length);
  const counts = clients.map((client) => client.emitWithAck('go:leave', 'none').then(({ count }) => count));
  expect(await Promise.all(counts)).toEqual(clients.map(() => 1));
  for (const check of checks) check();
  expect(moves).toEqual(Array.from({ length: clients.length - size }, () => 'session failed over'));
});

test('clients of a room whose history has expired and begun anew notice nothing when their push-server is killed', async () => {
  const { pushServer, ...config } = await makeConfig();
  const expiring = { ...config, pushServer: { ...pushServer, history: { ageMs: 2_000 } } };
  const [first, next] = [await startProcess(expiring), await startServer(expiring, 'next')];
  const { agent, moves } = await startHandingAgent(expiring, hooksTo(first, next), 2);
  const seen = await joinAll(agent, 12);
  const publish = async (n: number) => {
    const result = await next.push.toRoom('room', 'count', n);
    await expect.poll(() => seen.every(({ numbers }) => numbers.includes(n)), patiently).toBe(true);
    return result.ok ? result.value.position?.epoch : undefined;
  };
  const before = await publish(0);
  await pause(2_100);
  expect(await publish(1)).not.toBe(before);
  const { size } = next.io.sockets.sockets;
  expect(size).toBeLessThan(seen.length);
  first.child.kill('SIGKILL');
  await expect.poll(() => next.io.sockets.sockets.size, patiently).toBe(seen.length);
  expect(
    await Promise.all(seen.map(({ client }) => client.emitWithAck('go:leave', 'none').then(({ count }) => count))),
  ).toEqual(seen.map(() => 1));
  expect(seen.map(({ disconnects }) => disconnects)).toEqual(seen.map(() => 0));
  expect(moves).toEqual(Array.from({ length: seen.length - size }, () => 'session failed over'));
});
