import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '@gopush/contract';
import { expect, test } from 'vitest';
import { withAdmin } from '../../packages/agent/test/support/admin.ts';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { startChildProgram } from '../support/child-program.ts';
import { believing } from '../support/gateway.ts';
import { handsOver } from '../support/hands-over.ts';
import { createMemoryLog } from '../support/log.ts';
import { isLong } from '../support/long.ts';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { describeNodes, hear, startNodes } from '../support/nodes.ts';
import { undisturbed } from '../support/undisturbed.ts';

test('a push-server that hangs leaves the list and is not waited for; when it goes on nothing is given twice', async () => {
  const nodes = await startNodes('embedded store');
  const settings: ConfigInput = { ...nodes.config, serverPortStart: await freePort() };
  const hung = await startChildProgram('chaos-server.mjs', [JSON.stringify(settings), 'hung']);
  const { logger, next } = createMemoryLog();
  const { url } = await startTestAgent(
    { agent: believing },
    {
      ...nodes.config,
      routing: { discover: true },
      seamless: { silentMs: 60_000 },
      // A client that was handed over could only be taken from it by killing it, for which this is too short.
      handOff: { enabled: false },
    },
    logger,
  );
  const { clients } = await connectMany(url, 6);
  const checks = clients.map(undisturbed);
  const heard = clients.map((client) => hear<number>(client, 'count'));
  const other = await nodes.start();
  await other.push.toRoom('room', 'count', 0);
  await Promise.all(heard.map((one) => one.count(1)));
  await delay(300);
  hung.child.kill('SIGSTOP');
  await other.push.toRoom('room', 'count', 1);
  expect((await next(/target is silent/)).fields).toMatchObject({ cause: 'left', tunnels: 6 });
  await Promise.all(heard.map((one) => one.count(2)));
  hung.child.kill('SIGCONT');
  // It has heard of all by now.
  await expect.poll(() => fetch(`${hung.url}/`).then(({ status }) => status)).toBe(404);
  await other.push.toRoom('room', 'count', 2);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2]));
  expect(other.io.of('/').sockets.size).toBe(6);
  for (const check of checks) check();
});

test('a push-server that hangs gets no clients until another process at its address responds, which then gets them at once', async () => {
  const nodes = await startNodes('embedded store');
  const settings: ConfigInput = { ...nodes.config, serverPortStart: await freePort(), handOff: { enabled: false } };
  const start = (name: string) => startChildProgram('chaos-server.mjs', [JSON.stringify(settings), name]);
  const hung = await start('hung');
  const other = await nodes.start();
  const { logger, next } = createMemoryLog();
  const agent = await startTestAgent(
    {
      agent: believing,
      router: { default: [{ ip: '127.0.0.1', ports: [settings.serverPortStart as number, other.port] }] },
    },
    {
      ...nodes.config,
      ...withAdmin,
      // Longer than this test.
      health: { ejectMs: 300_000, maxEjectMs: 300_000 },
      seamless: { silentMs: 1_500 },
      handOff: { enabled: false },
    },
    logger,
  );
  const { clients } = await connectMany(agent.url, 8);
  expect(other.io.of('/').sockets.size).toBeLessThan(8);
  const checks = clients.map(undisturbed);
  await delay(300);
  hung.child.kill('SIGSTOP');
  expect((await next(/target is silent/)).fields).toMatchObject({ cause: 'silent' });
  await connectMany(agent.url, 8, 'guest');
  await expect.poll(() => other.io.of('/').sockets.size).toBe(16);
  const ended = once(hung.child, 'exit');
  hung.child.kill('SIGKILL');
  await ended;
  await start('next');
  await next(/a target is back/);
  await connectMany(agent.url, 8, 'late');
  expect(other.io.of('/').sockets.size).toBeLessThan(24);
  for (const check of checks) check();
});

describeNodes('two push-servers that fail together', (startNodes, kind) => {
  test('one hangs while the other one is killed: the sessions of both go on at a third, and what wakes up knows nothing of them', {
    skip: !isLong && kind !== 'Redis',
  }, async () => {
    const nodes = await startNodes();
    const settings: ConfigInput = {
      ...nodes.config,
      pushServer: { ...nodes.config.pushServer, presenceEvents: true, graceMs: 200 },
    };
    const first = await freePort(2);
    const [hung, killed] = await Promise.all(
      ['hung', 'killed'].map((name, index) =>
        startChildProgram('chaos-server.mjs', [JSON.stringify({ ...settings, serverPortStart: first + index }), name]),
      ),
    );
    const well = await nodes.start({ presenceEvents: true, graceMs: 200 });
    const { logger, lines } = createMemoryLog();
    const { url } = await startTestAgent(
      { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [first, first + 1, well.port] }] } },
      { seamless: { silentMs: 2_000 } },
      logger,
    );
    const { clients } = await connectMany(url, 24);
    const checks = clients.map(undisturbed);
    const heard = clients.map((client) => hear<number>(client, 'count'));
    const changes = clients.map((client) => hear<{ change: string }>(client, 'go:presence'));
    const moved = (): number =>
      lines.filter(({ message }) => /^session (migrated|failed over)$/.test(String(message))).length;
    // Its work is done: one that is stopped while it writes to the embedded store keeps all others from writing.
    await delay(300);
    hung?.child.kill('SIGSTOP');
    killed?.child.kill('SIGKILL');
    await well.push.toRoom('room', 'count', 0);
    await expect.poll(() => well.io.of('/').sockets.size, { timeout: 10_000 }).toBe(24);
    await Promise.all(heard.map((one) => one.count(1)));
    // With hand-offs it was killed: nobody else could have continued.
    if (handsOver) await expect.poll(() => hung?.child.signalCode).toBe('SIGKILL');
    else {
      hung?.child.kill('SIGCONT');
      await expect.poll(() => fetch(`${hung?.url}/`).then(({ status }) => status)).toBe(404);
    }
    await well.push.toRoom('room', 'count', 1);
    // Longer than the grace of a user who would have left.
    await delay(500);
    expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
    expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1]));
    // Some may only now hear of the joins at the beginning.
    expect(changes.flatMap(({ all }) => all).filter(({ change }) => change === 'left')).toEqual([]);
    expect(lines.filter(({ message }) => /could not migrate or fail over/.test(message))).toEqual([]);
    expect(moved()).toBeGreaterThan(8);
    for (const check of checks) check();
  });
});
