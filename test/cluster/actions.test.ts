import type { ClusterState } from '@gopush/cluster';
import type { ConfigInput } from '@gopush/contract';
import { describe, expect, test } from 'vitest';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { type ClusterNode, lookAt, startCluster } from '../support/cluster.ts';
import { createMemoryLog } from '../support/log.ts';
import { connectClient } from '../support/socket-io.ts';

const operator = { name: 'ops', key: 'a-key-of-an-operator-of-it' };
const admin = { agentPort: 0, serverPort: 0, keys: [operator] };
const soon = { timeout: 20_000, interval: 100 };

async function act({ adminUrl }: ClusterNode, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${adminUrl}/cluster/act`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator.key}`, ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/** A node, as another one shows it, once it has started. */
async function nodeAt(where: ClusterNode, name: string): Promise<ClusterState['nodes'][number]> {
  const find = async () => (await lookAt(where)).nodes.find((node) => node.name === name);
  await expect.poll(async () => (await find())?.state ?? 'starting', soon).not.toBe('starting');
  return (await find()) as ClusterState['nodes'][number];
}

const stores = {
  'a folder': async (): Promise<ConfigInput> => ({}),
  Redis: async (): Promise<ConfigInput> => ({ redisAdapter: { port: (await startRedis()).port } }),
};

describe.each(Object.entries(stores))('where the store is %s', (_name, configOf) => {
  test('a push-server drains because it was asked at an agent, and tells so; the log says who asked where', async () => {
    const { logger, lines } = createMemoryLog();
    const { agent } = await startCluster({ admin, ...(await configOf()) }, logger);
    for (const user of ['ann', 'bob', 'cy', 'dee', 'eve']) {
      await connectClient(agent.url, 'websocket', { query: { user } });
    }
    const { id, can } = await nodeAt(agent, 'server-0');
    expect(can).toEqual(['drain', 'send', 'disconnect', 'log-level']);
    const { status, text } = await act(agent, { node: id, action: 'drain' });
    expect([status, JSON.parse(text)]).toEqual([202, { id: expect.any(String), node: id, action: 'drain' }]);
    await expect
      .poll(async () => (await nodeAt(agent, 'server-0')).actions, soon)
      .toMatchObject([
        { id: JSON.parse(text).id, by: 'ops', result: expect.stringMatching(/^\d+ sessions were given/) },
      ]);
    expect((await nodeAt(agent, 'server-0')).state).toBe('draining');
    expect(lines.filter(({ message }) => message.startsWith('admin action')).map(({ fields }) => fields)).toEqual([
      { by: 'ops', from: '127.0.0.1', action: 'POST /cluster/act' },
      { by: 'ops', from: '127.0.0.1', node: 'server-0', action: 'drain' },
      { by: 'ops', from: '127.0.0.1', via: 'agent-0', action: 'drain' },
    ]);
  });
});

test('an agent rebalances, and its log level is changed, because it was asked at a push-server', async () => {
  const { logger } = createMemoryLog();
  const leveled = { ...logger, level: 'info' };
  const { agent, servers } = await startCluster({ admin }, leveled);
  const server = servers[0] as ClusterNode;
  const { id, can } = await nodeAt(server, 'agent-0');
  expect(can).toEqual(['rebalance', 'log-level']);
  const resultOf = async (body: object): Promise<string | undefined> => {
    const { text } = await act(server, { node: id, ...body });
    const done = async () =>
      (await nodeAt(agent, 'agent-0')).actions.find((action) => action.id === JSON.parse(text).id)?.result;
    await expect.poll(done, soon).toBeDefined();
    return done();
  };
  expect(await resultOf({ action: 'rebalance' })).toBe('0 sessions migrate');
  expect(await resultOf({ action: 'log-level', value: 'debug' })).toBe('logs from debug on');
  expect(leveled.level).toBe('debug');
  expect(await resultOf({ action: 'log-level', value: 'loud' })).toMatch(/found "loud", wanted one of trace/);
  expect(leveled.level).toBe('debug');
});

test('a page of another origin, and who has no key, have nothing done', async () => {
  const { logger, lines } = createMemoryLog();
  const { agent } = await startCluster({ admin }, logger);
  const { id } = await nodeAt(agent, 'server-0');
  const drain = { node: id, action: 'drain' };
  expect((await act(agent, drain, { authorization: '' })).status).toBe(401);
  expect((await act(agent, drain, { authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await act(agent, drain, { origin: 'http://evil.example' })).status).toBe(403);
  expect((await act(agent, drain, { 'sec-fetch-site': 'same-site' })).status).toBe(403);
  const { actions, state } = await nodeAt(agent, 'server-0');
  expect([actions, state]).toEqual([[], 'ready']);
  expect(lines.some(({ message }) => message === 'admin action')).toBe(false);
});
