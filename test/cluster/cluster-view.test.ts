import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { type ClusterNode, lookAt, projectFolder, startCluster } from '../support/cluster.ts';
import { connectClient } from '../support/socket-io.ts';

/** States by name of node. */
async function statesAt(node: ClusterNode): Promise<Record<string, string>> {
  const { nodes = [] } = await lookAt(node);
  return Object.fromEntries(nodes.map(({ name, state }) => [name, state]));
}

const soon = { timeout: 20_000, interval: 100 };
const all = { 'agent-0': 'ready', 'server-0': 'ready', 'server-1': 'ready' };

const stores = {
  'a folder': async (): Promise<ConfigInput> => ({}),
  Redis: async (): Promise<ConfigInput> => ({ redisAdapter: { port: (await startRedis()).port } }),
};

describe.each(Object.entries(stores))('a cluster whose store is %s', (_name, configOf) => {
  test('is the same at every node, with what goes through each', async () => {
    const { agent, servers } = await startCluster(await configOf());
    for (const node of [agent, ...servers]) await expect.poll(() => statesAt(node), soon).toEqual(all);
    const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await ann.emitWithAck('go:join', 'lobby');
    for (let times = 0; times < 20; times++) {
      await ann.emitWithAck('go:publish', { room: 'lobby', event: 'chat', message: times });
    }
    await expect
      .poll(async () => (await lookAt(agent)).rooms, soon)
      .toMatchObject([{ room: 'lobby', members: 1, servers: 1 }]);
    await expect
      .poll(async () => (await lookAt(agent)).nodes.reduce((sum, { totals }) => sum + totals.messages, 0), soon)
      .toBeGreaterThanOrEqual(40);
    const server = servers[0] as PushServer;
    // It reads the summaries of the others at another time.
    await expect
      .poll(async () => (await lookAt(server)).tiers, soon)
      .toMatchObject({
        agent: { nodes: 1, connections: expect.any(Number) },
        'push-server': { nodes: 2, connections: 1 },
      });
    const state = await lookAt(server);
    expect(state).toMatchObject({ by: 'server-0', isHealthy: true, unread: 0, store: { state: 'up' } });
    const targets = state.products.find(({ product }) => product === 'default')?.targets ?? [];
    expect(targets.map(({ node }) => state.nodes.find(({ id }) => id === node)?.name).sort()).toEqual([
      'server-0',
      'server-1',
    ]);
    expect(targets.reduce((sum, { connections }) => sum + connections, 0)).toBe(1);
  });

  test('shows a node that ends by plan as left, and one that drains as draining', async () => {
    const { agent, servers } = await startCluster(await configOf());
    await expect.poll(() => statesAt(agent), soon).toEqual(all);
    await fetch(`${servers[0]?.adminUrl}/drain`, { method: 'PUT' });
    await expect.poll(() => statesAt(agent), soon).toEqual({ ...all, 'server-0': 'draining' });
    await servers[1]?.close();
    await expect.poll(() => statesAt(agent), soon).toEqual({ ...all, 'server-0': 'draining', 'server-1': 'left' });
    expect((await lookAt(agent)).tiers['push-server']?.nodes).toBe(1);
  });
});

const program = fileURLToPath(new URL('../programs/agent.mjs', import.meta.url));

test('a node that is killed is gone, with when, and is a problem', async () => {
  const { agent, dir } = await startCluster();
  const settings = JSON.stringify({ agentPort: 0, admin: { agentPort: 0 } });
  const child = fork(program, [settings, '[]', 'agent-9'], { cwd: dir });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  await expect.poll(() => statesAt(agent), soon).toEqual({ ...all, 'agent-9': 'ready' });
  const killedAt = Date.now();
  child.kill('SIGKILL');
  await expect.poll(() => statesAt(agent), soon).toEqual({ ...all, 'agent-9': 'gone' });
  const { nodes, isHealthy, problems } = await lookAt(agent);
  const { seenAt = 0 } = nodes.find(({ name }) => name === 'agent-9') ?? {};
  expect(Math.abs(killedAt - seenAt)).toBeLessThan(5_000);
  expect([isHealthy, problems]).toEqual([false, [expect.stringMatching(/^agent-9 is gone, since \d+ s$/)]]);
});

test('while Redis is away each node shows what was there last, and nothing fails; then all are there again', async () => {
  const redis = await startRedis();
  const { agent, servers } = await startCluster({ redisAdapter: { port: redis.port } });
  await expect.poll(() => statesAt(agent), soon).toEqual(all);
  await redis.kill();
  await expect.poll(async () => (await lookAt(agent)).store.state, soon).toBe('down');
  expect(await statesAt(agent)).toEqual(all);
  expect((await lookAt(agent)).isHealthy).toBe(false);
  await redis.restart();
  for (const node of [agent, ...servers]) await expect.poll(() => statesAt(node), soon).toEqual(all);
});

test('admin.cluster turns it off: nothing is written, and no folder is made for it', async () => {
  const dir = await projectFolder();
  const agent = await startAgent({
    config: { agentPort: 0, access: { secrets: ['0123456789abcdef'] }, admin: { agentPort: 0, cluster: false } },
    ...{ dir, logger: silentLogger },
  });
  onTestFinished(() => agent.close());
  expect((await fetch(`${agent.adminUrl}/cluster`)).status).toBe(404);
  await expect(rm(join(dir, '.gopush'), { recursive: true })).rejects.toThrow('ENOENT');
});
