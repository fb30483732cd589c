import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { readMetric } from '../support/metrics.ts';
import {
  expectComplete,
  expectUnnoticed,
  makeConfig,
  patiently,
  startProcess,
  startServer,
  startTalk,
  stateOf,
} from './support/deployment.ts';

const count = 10;
const timeout = 60_000;

/** A push-server that can be stopped, with all clients, and another one that is up or starts later. */
async function start({ silentMs = 2_000, nodeOptions = [] as string[], others = {} } = {}) {
  const made = await makeConfig();
  // Of all that is published meanwhile.
  const pushServer = { ...made.pushServer, history: { count: 10_000 } };
  const config = { ...made, ...others, pushServer, seamless: { silentMs } };
  const [first, next] = [await startProcess(config, nodeOptions), await startServer(config, 'next')];
  return { first, next, ...(await startTalk(config, [first, next], next, count)) };
}

test('a push-server that is stopped (SIGSTOP) is killed after seamless.silentMs: its sessions fail over, and no client notices', {
  timeout,
}, async () => {
  const { first, agent, moves, clients, numbers } = await start();
  first.child.kill('SIGSTOP');
  expect((await once(first.child, 'exit'))[1]).toBe('SIGKILL');
  await expect.poll(() => moves.length, patiently).toBeGreaterThan(0);
  await expectUnnoticed(clients, numbers.stop());
  expect(new Set(moves)).toEqual(new Set(['session failed over']));
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  expect(await readMetric(agent, 'targets_silent_total{cause="killed"}', 'agent')).toBe(1);
});

test('one whose event loop stands still for less goes on with its clients', { timeout }, async () => {
  const { first, agent, moves, clients, numbers } = await start({ silentMs: 6_000 });
  first.child.kill('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  first.child.kill('SIGCONT');
  await expectUnnoticed(clients, numbers.stop());
  expect([moves, await stateOf(agent)]).toEqual([[], { tunnels: 0, handedOff: count }]);
});

test('one that is debugged is not killed: its clients are cut, come back at another one, and miss nothing, also when it goes on', {
  timeout,
}, async () => {
  // Over Redis: a process that is stopped may hold the lock of the embedded store, and this one is not killed.
  const store = { redisAdapter: { host: '127.0.0.1', port: (await startRedis()).port } };
  // Only that it is silent keeps clients away from it.
  const others = { ...store, health: { ejectMs: 1 } };
  const { first, next, agent, clients, numbers } = await start({ nodeOptions: ['--inspect=127.0.0.1:0'], others });
  const here = next.io.of('/').sockets.size;
  const lost = count - here;
  expect(lost).toBeGreaterThan(0);
  first.child.kill('SIGSTOP');
  await expect.poll(() => next.io.of('/').sockets.size, { timeout: 30_000 }).toBe(count);
  const until = async (more: number): Promise<void> => {
    const seen = clients.map((client) => client.numbers.length);
    await expect
      .poll(() => clients.every((client, index) => client.numbers.length > (seen[index] as number) + more), patiently)
      .toBe(true);
  };
  await until(20);
  first.child.kill('SIGCONT');
  await until(100);
  await expectComplete(clients, numbers.stop());
  expect(clients.map(({ disconnects }) => disconnects).sort()).toEqual([
    ...Array(here).fill(0),
    ...Array(lost).fill(1),
  ]);
  expect(clients.map(({ client, id }) => client.id === id)).toEqual(clients.map(() => true));
  expect(first.child.exitCode ?? first.child.signalCode).toBeNull();
  expect(await readMetric(agent, 'move_fallbacks_total{cause="target silent"}', 'agent')).toBe(lost);
  // It is heard again: new clients come to it.
  expect(await readMetric(agent, `target_up{product="default",target="127.0.0.1:${first.port}"}`, 'agent')).toBe(1);
});
