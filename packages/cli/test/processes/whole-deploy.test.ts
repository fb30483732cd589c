import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProject, startGopush } from '../../../../test/support/cli.ts';
import { connectCounted, countedHistory } from '../../../../test/support/counted-clients.ts';
import { childrenOf } from '../../../../test/support/process-table.ts';

async function startProject(config: Record<string, unknown>) {
  const { dir, url } = await makeProject({
    agent: { drainMs: 500, keepAliveMs: 2_000 },
    ...{ handOff: { enabled: true, dir: 'hand-off' }, pushServer: { drainMs: 10_000, history: countedHistory } },
    ...config,
  });
  const running = startGopush(['start'], { cwd: dir });
  await running.until(/gopush is ready/);
  return { dir, url, running, workers: childrenOf(running.child.pid ?? 0) };
}

test('a reload replaces push-servers and agents one after the other: no client whose connection was handed over notices', {
  timeout: 180_000,
}, async () => {
  const { url, running, workers, dir } = await startProject({ agentWorkers: 2, serverWorkers: 2 });
  const clients = await connectCounted(url, 20);
  running.signal('SIGHUP');
  await running.until(/"msg":"reloaded"/);
  expect(await clients.stop()).toEqual({ disconnects: 0, complete: 20 });
  expect(running.stdout()).not.toMatch(/have one owner/);
  expect(running.stdout().match(/"tunnels":\d+,"msg":"this agent retires/g)).toEqual(
    Array.from({ length: 2 }, () => '"tunnels":0,"msg":"this agent retires'),
  );
  // Agents that were replaced have no client left, so they end.
  await expect.poll(() => childrenOf(running.child.pid ?? 0), { timeout: 20_000 }).toHaveLength(4);
  const now = childrenOf(running.child.pid ?? 0);
  expect(now.filter((pid) => workers.includes(pid))).toEqual([]);
  expect((await readdir(join(dir, 'hand-off'))).filter((name) => name.endsWith('.sock'))).toHaveLength(2);
});

test('agents and push-servers run as two services, of which one is restarted after the other: no client notices', {
  timeout: 180_000,
}, async () => {
  const { dir, url } = await makeProject({
    ...{ agentWorkers: 1, serverWorkers: 2, routing: { discover: true } },
    ...{ handOff: { enabled: true, dir: 'hand-off' }, pushServer: { drainMs: 10_000, history: countedHistory } },
  });
  const startUnit = async (tier: 'agent' | 'push-server', workers: number) => {
    const unit = startGopush(['start', tier], { cwd: dir });
    await unit.until(new RegExp(`("msg":"${tier} listening"[\\s\\S]*){${workers}}`));
    return unit;
  };
  const servers = await startUnit('push-server', 2);
  const agents = await startUnit('agent', 1);
  const clients = await connectCounted(url, 20);
  agents.signal('SIGTERM');
  expect((await agents.ended).code).toBe(0);
  await startUnit('agent', 1);
  // As systemctl reload, which waits until all have two owners.
  servers.signal('SIGHUP');
  await servers.until(/"msg":"reloaded"/);
  // All at once.
  servers.signal('SIGTERM');
  expect((await servers.ended).code).toBe(0);
  await startUnit('push-server', 2);
  expect(await clients.stop()).toEqual({ disconnects: 0, complete: 20 });
});
