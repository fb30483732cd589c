import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { type ClusterNode, lookAt, startCluster } from '../support/cluster.ts';
import { createMemoryLog } from '../support/log.ts';
import { connectClient } from '../support/socket-io.ts';

const operator = { name: 'ops', key: 'a-key-of-an-operator-of-it' };
const admin = { agentPort: 0, serverPort: 0, keys: [operator] };
const withKey = { authorization: `Bearer ${operator.key}` };

async function ask({ adminUrl }: ClusterNode, path: string, headers: Record<string, string> = withKey) {
  const response = await fetch(adminUrl + path, { headers });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

async function act({ adminUrl }: ClusterNode, path: string, body: unknown, headers: Record<string, string> = withKey) {
  const response = await fetch(adminUrl + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

const soon = { timeout: 20_000, interval: 100 };

test('any node tells with a key where a user is, what waits for them, and who is in a room', async () => {
  const { agent, servers } = await startCluster({ admin });
  const server = servers[0] as PushServer;
  const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  await ann.emitWithAck('go:join', 'lobby');
  await server.push.toUser('bob', 'news', { text: 'hello' }, { deliver: 'store' });
  for (let message = 0; message < 3; message++) {
    await ann.emitWithAck('go:publish', { room: 'lobby', event: 'chat', message });
  }
  await expect.poll(async () => (await lookAt(agent)).nodes.length, soon).toBe(3);
  for (const node of [agent, server]) {
    await expect
      .poll(async () => (await ask(node, '/cluster/user?uid=ann')).body, soon)
      .toMatchObject({
        ...{ uid: 'ann', product: 'default', online: true, devices: 1 },
        nodes: [{ name: expect.stringMatching(/^server-[01]$/) }],
        inbox: { waiting: 0, more: false, oldestAt: null },
        rooms: { names: ['lobby'], more: false },
      });
    const users = await ask(node, '/cluster/search?kind=user&prefix=a');
    expect(users.body).toEqual({ kind: 'user', prefix: 'a', product: 'default', names: ['ann'], more: false });
    expect((await ask(node, '/cluster/search?kind=room')).body).toMatchObject({ names: ['lobby'], more: false });
    expect((await ask(node, '/cluster/search?kind=room&prefix=x')).body).toMatchObject({ names: [], more: false });
    const bob = await ask(node, '/cluster/user?uid=bob');
    expect(bob.body).toMatchObject({ online: false, nodes: [], inbox: { waiting: 1, bytes: expect.any(Number) } });
    const { body } = await ask(node, '/cluster/room?room=lobby');
    expect(body).toMatchObject({ users: [{ uid: 'ann', devices: 1 }], next: null, position: { offset: 3 }, kept: 3 });
    expect(body.tail.map(({ offset }: { offset: number }) => offset)).toEqual([1, 2, 3]);
    expect(JSON.stringify(body)).not.toContain('chat');
    const empty = await ask(node, '/cluster/room?room=nobody');
    expect(empty.body).toMatchObject({ users: [], position: null, kept: 0, tail: [], perMinute: null });
  }
});

test('look-ups of people, and actions, are refused without a key, and wrong questions with a reason', async () => {
  const { agent, servers } = await startCluster({ admin });
  for (const path of [
    '/cluster/user?uid=ann',
    '/cluster/room?room=lobby',
    '/cluster/route?uid=ann',
    '/cluster/search?kind=user',
  ]) {
    expect((await ask(agent, path, {})).status).toBe(401);
  }
  const server = servers[0] as PushServer;
  expect((await act(server, '/send', { room: 'r', event: 'e' }, {})).status).toBe(401);
  expect((await act(server, '/disconnect', { user: 'ann' }, {})).status).toBe(401);
  await expect.poll(async () => (await ask(agent, '/cluster/user')).status, soon).toBe(400);
  expect((await ask(agent, '/cluster/user')).body).toBe('uid: found none, wanted one\n');
  expect((await ask(agent, `/cluster/user?uid=${'x'.repeat(300)}`)).status).toBe(400);
  expect((await ask(agent, '/cluster/room?room=a%00')).status).toBe(400);
  expect((await ask(agent, '/cluster/search?kind=node')).body).toBe('kind: found node, wanted user or room\n');
  expect((await ask(agent, '/cluster/search?kind=user&prefix=a%00')).status).toBe(400);
  for (const body of [7, {}, { room: 'r' }, { room: 'r', user: 'u', event: 'e' }, { room: 'r', event: 'go:push' }]) {
    expect((await act(server, '/send', body)).status).toBeGreaterThanOrEqual(400);
  }
  expect((await act(server, '/send', { room: 'r', event: 'e', message: 'x'.repeat(100_000) })).status).toBe(413);
  const broken = await fetch(`${server.adminUrl}/send`, { method: 'POST', headers: withKey, body: '{' });
  expect(broken.status).toBe(400);
});

test('an agent explains which target a user would get, and that is where the user goes', async () => {
  const { agent, servers } = await startCluster({ admin });
  for (const user of ['ann', 'bob', 'cy', 'dee']) {
    const { body } = await ask(agent, `/cluster/route?uid=${user}`);
    expect(body).toMatchObject({ uid: user, product: 'default', entry: 'default' });
    expect(body.ranking).toHaveLength(2);
    expect(body.ranking[0].target).toBe(body.target);
    expect(body.why.join('; ')).toMatch(/a list: 2 targets.*hash/);
    const server = servers.find(({ port }) => body.target === `127.0.0.1:${port}`) as PushServer;
    const before = server.io.engine.clientsCount;
    await connectClient(agent.url, 'websocket', { query: { user } });
    expect(server.io.engine.clientsCount).toBe(before + 1);
  }
  expect((await ask(agent, '/cluster/route?uid=ann&product=unknown')).status).toBe(404);
});

test('a failure code is explained, and counted where it occurred', async () => {
  const { agent, servers } = await startCluster({ admin });
  await fetch(agent.url);
  await expect
    .poll(async () => (await ask(servers[1] as PushServer, '/cluster/failure?code=uid_missing', {})).body, soon)
    .toMatchObject({ code: 'uid_missing', http: 430, retry: false, count: 1, nodes: [{ name: 'agent-0', count: 1 }] });
  expect((await ask(agent, '/cluster/failure?code=constructor')).body).toMatchObject({ message: null, count: 0 });
});

test('a test message arrives, a user is disconnected, and the log says with which key', async () => {
  const { logger, lines } = createMemoryLog();
  const { agent, servers } = await startCluster({ admin }, logger);
  const [one, two] = servers as [PushServer, PushServer];
  const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  await ann.emitWithAck('go:join', 'lobby');
  const heard = new Promise((resolve) => ann.once('test', resolve));
  expect(await act(one, '/send', { room: 'lobby', event: 'test', message: 1 })).toMatchObject({ status: 200 });
  expect(JSON.stringify(await heard)).toContain('1');
  const told = new Promise((resolve) => ann.once('personal', resolve));
  expect(await act(two, '/send', { user: 'ann', event: 'personal', message: 'hi' })).toMatchObject({ status: 200 });
  expect(JSON.stringify(await told)).toContain('hi');
  const gone = new Promise((resolve) => ann.once('disconnect', resolve));
  expect(await act(two, '/disconnect', { user: 'ann' })).toEqual({ status: 200, text: '{}' });
  expect(await gone).toBe('io server disconnect');
  const actions = lines.filter(({ message }) => message === 'admin action').map(({ fields }) => fields);
  expect(actions).toMatchObject([
    { by: 'ops', from: '127.0.0.1', action: 'POST /send' },
    { by: 'ops', from: '127.0.0.1', action: 'POST /send' },
    { by: 'ops', from: '127.0.0.1', action: 'POST /disconnect' },
  ]);
});

test('where products are isolated, users and rooms are found among those of their product alone', async () => {
  const { agent } = await startCluster({ admin, pushServer: { isolateProducts: true } });
  for (const product of ['default', 'game']) {
    const query = { user: `ann-of-${product}`, product };
    const client = await connectClient(agent.url, 'websocket', { query });
    await client.emitWithAck('go:join', `lobby-of-${product}`);
  }
  const find = async (query: string) => (await ask(agent, `/cluster/search?${query}`)).body.names;
  await expect.poll(() => find('kind=user&product=game'), soon).toEqual(['ann-of-game']);
  expect(await find('kind=user')).toEqual(['ann-of-default']);
  expect(await find('kind=room&product=game')).toEqual(['lobby-of-game']);
  expect(await find('kind=room')).toEqual(['lobby-of-default']);
  const { body } = await ask(agent, '/cluster/user?uid=ann-of-game&product=game');
  expect(body.rooms).toEqual({ names: ['lobby-of-game'], more: false });
});
