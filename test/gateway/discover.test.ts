import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Agent, startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { createConfig } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { openStore } from '@gopush/store';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startRedis, type TestRedis } from '../../packages/store/test/support/redis.ts';
import { makeFolder, makeProject, startGopush } from '../support/cli.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { type Machine, startMachines, whyNoMachines } from '../support/machines.ts';
import { connectClient } from '../support/socket-io.ts';

/** Push-servers and agents that share a store. */
async function openDeployment(config: ConfigInput = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const shared: ConfigInput = { ...config, pushServer: { fanoutDir: dir, storeDir: join(dir, 'store'), drainMs: 200 } };
  const startServer = async (pushServer: ConfigInput['pushServer'] = {}): Promise<PushServer> => {
    const server = await startPushServer({
      config: { ...shared, serverPortStart: 0, pushServer: { ...shared.pushServer, ...pushServer } },
    });
    onTestFinished(() => server.close());
    return server;
  };
  const startAgent = (): Promise<Agent> =>
    startTestAgent(
      { agent: believing, onupgrade: believing },
      { ...shared, routing: { discover: true }, admin: { agentPort: 0, serverPort: 0, keys: [operator] } },
    );
  const store = await openStore(createConfig(shared), dir);
  onTestFinished(() => store.close());
  return { startServer, startAgent, store, config: shared };
}

/** A key of an operator, who may look from another machine. */
const operator = { name: 'operator', key: 'a-key-of-an-operator-of-it' };

/** The targets that an agent has now, as `name weight`. */
async function targetsOf(agent: Pick<Agent, 'url' | 'adminUrl'>): Promise<string[]> {
  // What an agent knows of targets it shows when it has been asked for one.
  await fetch(`${agent.url}/?user=ann`);
  const headers = { authorization: `Bearer ${operator.key}` };
  const state = (await (await fetch(`${agent.adminUrl}/state`, { headers })).json()) as {
    products: { targets: { target: string; state: string; weight: number }[] }[];
  };
  return (state.products[0]?.targets ?? [])
    .filter(({ state: how }) => how !== 'left')
    .map(({ target, weight }) => `${target} ${weight}`)
    .sort();
}

const nameOf = (server: PushServer, weight = 1): string => `127.0.0.1:${server.port} ${weight}`;

describe.each(['embedded', 'Redis'])('discovery over the store: %s', (kind) => {
  async function open() {
    const redis: TestRedis | undefined = kind === 'Redis' ? await startRedis() : undefined;
    return { redis, ...(await openDeployment(redis === undefined ? {} : { redisAdapter: { port: redis.port } })) };
  }

  test('push-servers come and go, and no request fails', async () => {
    const { startServer, startAgent } = await open();
    const first = await startServer();
    const agent = await startAgent();
    expect(await targetsOf(agent)).toEqual([nameOf(first)]);
    const statuses = new Map<number, number>();
    let asking = true;
    const askers = Array.from({ length: 4 }, async (_, asker) => {
      for (let count = 0; asking; count++) {
        const { status } = await fetch(`${agent.url}/?user=u${asker}-${count}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        await pause(5);
      }
    });
    const second = await startServer({ weight: 2 });
    await expect.poll(() => targetsOf(agent), { timeout: 10_000 }).toContain(nameOf(second, 2));
    await first.close();
    await expect.poll(() => targetsOf(agent), { timeout: 10_000 }).toEqual([nameOf(second, 2)]);
    const third = await startServer();
    await expect.poll(() => targetsOf(agent), { timeout: 10_000 }).toContain(nameOf(third));
    await second.close();
    await expect.poll(() => targetsOf(agent), { timeout: 10_000 }).toEqual([nameOf(third)]);
    asking = false;
    await Promise.all(askers);
    // There are no files; the push-server itself said so each time.
    expect([...statuses.keys()]).toEqual([404]);
  });

  test('one that drains gets no new clients but stays known; loopback of another machine, and other tiers, are no targets', async () => {
    const { startServer, startAgent, store } = await open();
    const server = await startServer();
    const node = { tier: 'push-server', host: '127.0.0.1', port: 9, weight: 1, load: 0, state: 'ready' } as const;
    const machine = (await store.registry.list())[0]?.machine;
    expect(machine).toMatch(new RegExp(`^${hostname()}/`));
    await store.registry.announce({ ...node, id: 'elsewhere', machine: 'another/1' }, 60_000);
    await store.registry.announce({ ...node, id: 'unknown' }, 60_000);
    await store.registry.announce({ ...node, id: 'agent', tier: 'agent', machine: machine as string }, 60_000);
    await store.registry.announce({ ...node, id: 'far', host: '192.0.2.1', machine: 'another/1', weight: 0 }, 60_000);
    await store.registry.announce(
      { ...node, id: 'drains', port: 10, state: 'draining', machine: machine as string },
      60_000,
    );
    const agent = await startAgent();
    expect(await targetsOf(agent)).toEqual(['127.0.0.1:10 0', '192.0.2.1:9 0', nameOf(server)].sort());
  });

  test('a push-server says what it is, drains when it stops, and is gone after', async () => {
    const { startServer, store } = await open();
    const seen: string[] = [];
    const gone = new Promise<void>((resolve) => {
      const stop = store.registry.watch((nodes) => {
        for (const { state } of nodes) if (seen.at(-1) !== state) seen.push(state);
        if (nodes.length === 0 && seen.length > 0) resolve();
      });
      onTestFinished(stop);
    });
    const server = await startServer({ weight: 3, announceHost: '127.0.0.2' });
    expect(await store.registry.list()).toMatchObject([
      { tier: 'push-server', host: '127.0.0.2', port: server.port, weight: 3, load: 0, state: 'ready' },
    ]);
    await expect.poll(() => seen).toEqual(['ready']);
    await server.close();
    await gone;
    expect(await store.registry.list()).toEqual([]);
  });
});

test('while Redis is away, and when it comes back empty, the push-servers known last serve', async () => {
  const redis = await startRedis();
  const { startServer, startAgent } = await openDeployment({ redisAdapter: { port: redis.port } });
  const server = await startServer();
  const agent = await startAgent();
  expect(await targetsOf(agent)).toEqual([nameOf(server)]);
  await redis.kill();
  expect(await targetsOf(agent)).toEqual([nameOf(server)]);
  await redis.restart();
  const next = await startServer();
  await expect.poll(() => targetsOf(agent), { timeout: 10_000 }).toEqual([nameOf(server), nameOf(next)].sort());
});

const secrets = ['0123456789abcdef'];

test.each(['0.0.0.0', '::', '0', '0:0:0:0:0:0:0:0'])(
  'a push-server on all addresses (%s) is found: with the embedded store by loopback, with Redis by the address that reaches it',
  async (host) => {
    const redis = await startRedis();
    for (const config of [{}, { redisAdapter: { port: redis.port } }]) {
      const { startServer, startAgent } = await openDeployment({ access: { secrets }, ...config });
      const server = await startServer({ host });
      const agent = await startAgent();
      expect(await targetsOf(agent)).toEqual([nameOf(server)]);
    }
  },
);

test('a push-server on IPv6 alone is found', async () => {
  const { startServer, startAgent } = await openDeployment({ access: { secrets } });
  const server = await startServer({ host: '::1' });
  const agent = await startAgent();
  expect(await targetsOf(agent)).toEqual([`[::1]:${server.port} 1`]);
  expect((await fetch(`${agent.url}/?user=ann`)).status).toBe(404);
});

test('where no address can be found a push-server does not start, and says what to set', async () => {
  // IPv4 alone, and Redis by IPv6.
  const redis = await startRedis(['--bind', '127.0.0.1', '::1']);
  const config = { redisAdapter: { host: '::1', port: redis.port }, access: { secrets }, serverPortStart: 0 };
  const pushServer = { host: '0.0.0.0', fanoutDir: await makeFolder() };
  const start = (routing: ConfigInput['routing']) =>
    startPushServer({ config: { ...config, routing, pushServer }, logger: silentLogger });
  await expect(start({ discover: true })).rejects.toThrow(
    /pushServer\.host: found 0\.0\.0\.0.*pushServer\.announceHost/,
  );
  const server = await start({ discover: false });
  await server.close();
});

test('an announced address that stands for all is refused', () => {
  for (const announceHost of ['0.0.0.0', '::', '*', '0']) {
    expect(() => createConfig({ pushServer: { announceHost } })).toThrow(/announceHost.*at which agents can reach/);
  }
});

test('an agent says of a push-server that it cannot reach what to set there', async () => {
  const { store, config } = await openDeployment();
  const node = { tier: 'push-server', host: '127.0.0.1', port: 9, weight: 1, load: 0, state: 'ready' } as const;
  await store.registry.announce({ ...node, id: 'elsewhere', machine: 'another/1' }, 60_000);
  const { logger, lines } = createMemoryLog();
  const agent = await startAgent({
    config: { ...config, agentPort: 0, limits: { eventLoopDelayMs: 0 }, routing: { discover: true } },
    logger,
  });
  onTestFinished(() => agent.close());
  expect(lines.filter(({ message }) => /announceHost/.test(message))).toMatchObject([
    { level: 'warn', fields: { machine: 'another/1' } },
  ]);
});

test.skipIf(whyNoMachines() !== undefined)(
  'push-servers on all addresses of two machines are announced by the network of Redis, though each has another one',
  { timeout: 120_000 },
  async () => {
    const { address, machines } = startMachines(2);
    const redis = await startRedis(['--bind', '127.0.0.1', address, '--protected-mode', 'no']);
    const [first] = machines as [Machine, Machine];
    const config = {
      redisAdapter: { host: address, port: redis.port },
      serverPortStart: 4_000,
      serverWorkers: 1,
      agentPort: 4_100,
      admin: { host: first.address, agentPort: 4_200, serverPort: 0, keys: [operator] },
      routing: { discover: true },
    };
    const env = { GOPUSH_ACCESS_SECRETS: secrets[0] };
    for (const [index, { prefix, address: own }] of machines.entries()) {
      const inside = (...args: string[]) => execFileSync('ip', ['-n', prefix[3] as string, ...args]);
      inside('link', 'add', 'another', 'type', 'veth', 'peer', 'name', 'nowhere');
      inside('addr', 'add', '198.19.0.1/24', 'dev', 'another');
      inside('link', 'set', 'another', 'up');
      const admin = { ...config.admin, host: own };
      const { dir } = await makeProject({ ...config, admin, pushServer: { host: index === 0 ? '0.0.0.0' : '::' } });
      const started = startGopush(['--dir', dir, 'start', ...(index === 0 ? [] : ['push-server'])], { prefix, env });
      await started.until(/push-server listening/);
    }
    const agent = { url: `http://${first.address}:4100`, adminUrl: `http://${first.address}:4200` };
    const wanted = machines.map((machine) => `${machine.address}:4000 1`);
    const found = () => targetsOf(agent).catch((error: Error) => [error.message]);
    await expect.poll(found, { timeout: 15_000 }).toEqual(wanted);
    const clients = await Promise.all(
      Array.from({ length: 8 }, (_, index) => connectClient(agent.url, 'websocket', { query: { user: `u${index}` } })),
    );
    for (const client of clients) client.disconnect();
  },
);
