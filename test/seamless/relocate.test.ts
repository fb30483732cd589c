import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '@gopush/agent';
import type { ConfigInput, Hooks } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { connectMany, roomCountsOf } from '../support/many-clients.ts';
import { connectClient } from '../support/socket-io.ts';

async function makeFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function startServers(count: number, dir: string): Promise<PushServer[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startPushServer({
        config: {
          serverPortStart: 0,
          admin: { serverPort: 0 },
          pushServer: { fanoutDir: dir, storeDir: join(dir, 'store'), drainMs: 2_000, limits: { beginDelayMs: 0 } },
        },
        node: `push-server-${index}`,
      }),
    ),
  );
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.close()))));
  return servers;
}

async function startGateway(
  hooks: Hooks | { dir: string; environment: string },
  config: ConfigInput = {},
): Promise<{ url: string; adminUrl: string }> {
  const agent = await startAgent({
    config: {
      agentPort: 0,
      admin: { agentPort: 0 },
      agent: { host: '127.0.0.1', drainMs: 100 },
      limits: { eventLoopDelayMs: 0 },
      ...config,
    },
    hooks,
  });
  onTestFinished(() => agent.close());
  return { url: agent.url, adminUrl: agent.adminUrl ?? '' };
}

const routerTo = (servers: readonly PushServer[]): string =>
  `module.exports = { default: [{ ip: '127.0.0.1', ports: [${servers.map(({ port }) => port).join()}] }] };`;

const clientsOf = ({ io }: PushServer): number => io.of('/').sockets.size;

test('sessions of targets that the router no longer names move to those it does, one target after the other', async () => {
  const dir = await makeFolder();
  const [one, two, three] = (await startServers(3, dir)) as [PushServer, PushServer, PushServer];
  const hooks = join(dir, 'hooks');
  await mkdir(hooks);
  await writeFile(join(hooks, 'agent.js'), 'module.exports = (request) => request.query.user;');
  await writeFile(join(hooks, 'router.js'), routerTo([one, two]));
  const { url } = await startGateway({ dir, environment: 'local' });
  const { clients, cuts } = await connectMany(url, 10);
  expect(clientsOf(one)).toBeGreaterThan(0);
  // At once, so that the reload never comes upon half of it.
  await writeFile(join(hooks, 'next'), routerTo([two]));
  await rename(join(hooks, 'next'), join(hooks, 'router.js'));
  await expect.poll(() => [clientsOf(one), clientsOf(two)], { timeout: 10_000 }).toEqual([0, 10]);
  await writeFile(join(hooks, 'next'), routerTo([three]));
  await rename(join(hooks, 'next'), join(hooks, 'router.js'));
  await expect.poll(() => [clientsOf(two), clientsOf(three)], { timeout: 10_000 }).toEqual([0, 10]);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect(cuts).toEqual([]);
});

test('a push-server that comes gets its share of the sessions when it is asked for, not before', async () => {
  const dir = await makeFolder();
  const [one, two] = (await startServers(2, dir)) as [PushServer, PushServer];
  let targets = [one];
  const { url, adminUrl } = await startGateway({
    agent: (request) => request.query.user,
    router: { default: () => targets.map(({ port }) => ({ ip: '127.0.0.1', port })) },
  });
  const { clients, cuts } = await connectMany(url, 20);
  targets = [one, two];
  const late = await connectClient(url, 'websocket', { query: { user: 'late' } });
  expect(clientsOf(one) + clientsOf(two)).toBe(21);
  expect(clientsOf(two)).toBeLessThanOrEqual(1);
  const answer = await (await fetch(`${adminUrl}/rebalance`, { method: 'PUT' })).text();
  const asked = Number(/^(\d+) sessions/.exec(answer)?.[1]);
  expect(asked).toBeGreaterThan(2);
  const before = clientsOf(two);
  await expect.poll(() => clientsOf(two)).toBe(before + asked);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect([cuts, late.connected]).toEqual([[], true]);
});

test('while the function that names targets fails, no session goes on at a target that it named for another client', async () => {
  const dir = await makeFolder();
  const [one, two] = (await startServers(2, dir)) as [PushServer, PushServer];
  let fails = false;
  const { url } = await startGateway(
    {
      agent: (request) => request.query.user,
      router: {
        default(_request, uid) {
          if (fails) throw new Error('no shards just now');
          return { ip: '127.0.0.1', port: (uid === 'ann' ? one : two).port };
        },
      },
    },
    { seamless: { holdMs: 600 } },
  );
  const ann = await connectClient(url, 'websocket', { query: { user: 'ann' }, reconnection: false });
  await connectClient(url, 'websocket', { query: { user: 'bob' } });
  expect([clientsOf(one), clientsOf(two)]).toEqual([1, 1]);
  fails = true;
  const cut = new Promise((resolve) => ann.once('disconnect', resolve));
  await one.close();
  await cut;
  expect(clientsOf(two)).toBe(1);
});

test('a push-server hands its sessions over when it is asked to, and runs on', async () => {
  const dir = await makeFolder();
  const [one, two] = (await startServers(2, dir)) as [PushServer, PushServer];
  const { url } = await startGateway({
    agent: (request) => request.query.user,
    router: { default: [{ ip: '127.0.0.1', ports: [one.port, two.port] }] },
  });
  const { clients, cuts } = await connectMany(url, 10);
  const had = clientsOf(one);
  expect(await (await fetch(`${one.adminUrl}/drain`, { method: 'PUT' })).text()).toBe(
    `${had} sessions were given to other push-servers\n`,
  );
  await expect.poll(() => [clientsOf(one), clientsOf(two)]).toEqual([0, 10]);
  expect(await roomCountsOf(clients)).toEqual(clients.map(() => 1));
  expect(cuts).toEqual([]);
});

test('a client that says what only agents may is closed, and its session is not handed over', async () => {
  const dir = await makeFolder();
  const [one, two] = (await startServers(2, dir)) as [PushServer, PushServer];
  const { url } = await startGateway({
    agent: () => 'eve',
    router: { default: [{ ip: '127.0.0.1', ports: [one.port, two.port] }] },
  });
  const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`);
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise((resolve) => socket.once('message', resolve));
  socket.ping('gopush:drain');
  await new Promise((resolve) => socket.once('pong', resolve));
  socket.pong('gopush:quiet');
  expect(await closed).toBe(1008);
});
