import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket as TcpSocket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@gopush/contract';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startTestAgent } from '../../packages/agent/test/support/agent.ts';
import { freePort, startRedis } from '../../packages/store/test/support/redis.ts';
import { believing } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { isLong } from '../support/long.ts';
import { type Machine, type Network, startMachines, whyNoMachines } from '../support/machines.ts';
import { describeNodes, hear, startNodes } from '../support/nodes.ts';
import { connectClient } from '../support/socket-io.ts';

/** A way to a port that can lose what goes either way, without a word to anyone. */
async function startLosingWire(port: number) {
  const lost = { 'to the target': false, 'to the client': false };
  const sockets = new Set<TcpSocket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.on('data', (chunk) => void (lost['to the target'] || far.write(chunk)));
    far.on('data', (chunk) => void (lost['to the client'] || near.write(chunk)));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => {});
      socket.on('close', () => {
        if (!lost['to the target'] && !lost['to the client']) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, lost };
}

/** Counts what a client may not notice. */
function undisturbed(client: Socket): () => void {
  const { id } = client;
  let disconnects = 0;
  client.on('disconnect', () => disconnects++);
  return () => expect({ disconnects, id: client.id }).toEqual({ disconnects: 0, id });
}

async function connectAll(url: string, count: number): Promise<Socket[]> {
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => connectClient(url, 'websocket', { query: { user: `user-${index}` } })),
  );
  await Promise.all(clients.map((client) => client.emitWithAck('go:join', 'room')));
  return clients;
}

const roomCounts = (clients: readonly Socket[]) =>
  Promise.all(clients.map(async (client) => (await client.timeout(5_000).emitWithAck('go:leave', 'none')).count));

/** @param ways - where the wire of a target loses what goes through it */
async function failOverFrom(ways: readonly ('to the target' | 'to the client')[]): Promise<void> {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const two = await nodes.start();
  const wire = await startLosingWire(one.port);
  const { logger, lines } = createMemoryLog();
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [wire.port, two.port] }] } },
    { seamless: { silentMs: 1_500 } },
    logger,
  );
  const clients = await connectAll(url, 8);
  const checks = clients.map(undisturbed);
  const heard = clients.map((client) => hear<number>(client, 'count'));
  const had = one.io.of('/').sockets.size;
  expect(had).toBeGreaterThan(0);
  for (let number = 0; number < 3; number++) await two.push.toRoom('room', 'count', number);
  await Promise.all(heard.map((one) => one.count(3)));
  for (const way of ways) wire.lost[way] = true;
  for (let number = 3; number < 6; number++) await two.push.toRoom('room', 'count', number);
  await Promise.all(heard.map((one) => one.count(6)));
  await expect.poll(() => two.io.of('/').sockets.size, { timeout: 10_000 }).toBe(8);
  expect(await roomCounts(clients)).toEqual(clients.map(() => 1));
  expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2, 3, 4, 5]));
  for (const check of checks) check();
  expect(lines.filter(({ message }) => /target is silent/.test(message)).map(({ fields }) => fields)).toMatchObject([
    { cause: 'silent', tunnels: had },
  ]);
}

test('when a wire loses what goes either way, or one way, sessions fail over to another target, and go on there once', async () => {
  // At the same time, as each waits for silence.
  await Promise.all([
    failOverFrom(['to the target', 'to the client']),
    failOverFrom(['to the target']),
    failOverFrom(['to the client']),
  ]);
});

test('what waits in an inbox, and was given where it got lost, is given again after the failover', async () => {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const two = await nodes.start();
  const wire = await startLosingWire(one.port);
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [wire.port, two.port] }] } },
    { seamless: { silentMs: 1_500 } },
  );
  const clients = await connectAll(url, 8);
  const index = clients.findIndex(({ id }) => one.io.of('/').sockets.has(id as string));
  const client = clients[index] as Socket;
  const check = undisturbed(client);
  const letters: string[] = [];
  client.on('go:inbox', ({ id }: { id: string }, ack: (id: string) => void) => {
    letters.push(id);
    ack(id);
  });
  wire.lost['to the client'] = true;
  await two.push.toUser(`user-${index}`, 'letter', 1, { deliver: 'store', id: 'first' });
  // Has its session written down once more.
  client.emit('go:join', 'another');
  await expect.poll(() => two.io.of('/').sockets.size, { timeout: 10_000 }).toBe(8);
  await expect.poll(() => letters, { timeout: 10_000 }).toEqual(['first']);
  check();
});

test('an idle target is asked for a sign of life, which its clients do not see, and is left alone while it gives one', async () => {
  const nodes = await startNodes('embedded store');
  const servers = [await nodes.start(), await nodes.start()];
  const { url } = await startTestAgent(
    {
      agent: believing,
      router: { default: [{ ip: '127.0.0.1', ports: servers.map(({ port }) => port) }] },
    },
    { seamless: { silentMs: 1_000 } },
  );
  const clients = await connectAll(url, 4);
  const checks = clients.map(undisturbed);
  const pongs: string[] = [];
  for (const client of clients) {
    const { ws } = client.io.engine.transport as unknown as {
      ws: { on(event: string, heard: (b: Buffer) => void): void };
    };
    ws.on('pong', (payload) => pongs.push(String(payload)));
  }
  await delay(2_600);
  for (const check of checks) check();
  expect(pongs).toEqual([]);
});

test('where no other target is there, clients keep theirs while it is silent', async () => {
  const nodes = await startNodes('embedded store');
  const one = await nodes.start();
  const wire = await startLosingWire(one.port);
  const { url } = await startTestAgent(
    { agent: believing, router: { default: [{ ip: '127.0.0.1', port: wire.port }] } },
    { seamless: { silentMs: 1_000, holdMs: 500 } },
  );
  const [client] = (await connectAll(url, 1)) as [Socket];
  const check = undisturbed(client);
  wire.lost['to the client'] = true;
  await delay(3_000);
  wire.lost['to the client'] = false;
  expect(await roomCounts([client])).toEqual([1]);
  check();
});

/** A program of test/programs as a process of its own, which ends with the test. */
async function start(program: string, args: readonly string[], prefix: readonly string[] = []) {
  const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
  const [command, ...rest] = [...prefix, process.execPath, path, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const lines: Record<string, unknown>[] = [];
  child.stdout?.on('data', (chunk) => {
    for (const line of String(chunk).split('\n')) if (line.startsWith('{')) lines.push(JSON.parse(line));
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, url, lines };
}

const say = async (speaker: ChildProcess, ...numbers: number[]): Promise<void> => {
  const answered = once(speaker, 'message');
  speaker.send({ number: 0, numbers });
  await answered;
};

test('a push-server that hangs leaves the list and is not waited for; when it goes on nothing is given twice', async () => {
  const nodes = await startNodes('embedded store');
  const settings: ConfigInput = { ...nodes.config, serverPortStart: await freePort() };
  const hung = await start('chaos-server.mjs', [JSON.stringify(settings), 'hung']);
  const { logger, next } = createMemoryLog();
  const { url } = await startTestAgent(
    { agent: believing },
    { ...nodes.config, routing: { discover: true }, seamless: { silentMs: 60_000 } },
    logger,
  );
  const clients = await connectAll(url, 6);
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
  expect(await roomCounts(clients)).toEqual(clients.map(() => 1));
  expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2]));
  expect(other.io.of('/').sockets.size).toBe(6);
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
        start('chaos-server.mjs', [JSON.stringify({ ...settings, serverPortStart: first + index }), name]),
      ),
    );
    const well = await nodes.start({ presenceEvents: true, graceMs: 200 });
    const { logger, lines } = createMemoryLog();
    const { url } = await startTestAgent(
      { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [first, first + 1, well.port] }] } },
      { seamless: { silentMs: 2_000 } },
      logger,
    );
    const clients = await connectAll(url, 24);
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
    hung?.child.kill('SIGCONT');
    await expect.poll(() => fetch(`${hung?.url}/`).then(({ status }) => status)).toBe(404);
    await well.push.toRoom('room', 'count', 1);
    // Longer than the grace of whoever would have left.
    await delay(500);
    expect(await roomCounts(clients)).toEqual(clients.map(() => 1));
    expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1]));
    // Of the joining at the beginning some may hear only now.
    expect(changes.flatMap(({ all }) => all).filter(({ change }) => change === 'left')).toEqual([]);
    expect(lines.filter(({ message }) => /could not migrate or fail over/.test(message))).toEqual([]);
    expect(moved()).toBeGreaterThan(8);
    for (const check of checks) check();
  });
});

const why = whyNoMachines();
describe.skipIf(why !== undefined)(`two machines${why === undefined ? '' : `: skipped, ${why}`}`, () => {
  /** A push-server on each, and an agent on the first. */
  async function startTwo({ address, machines }: Network) {
    const [first, second] = machines as [Machine, Machine];
    const redis = await startRedis(['--bind', '127.0.0.1', address, '--protected-mode', 'no']);
    const shared: ConfigInput = {
      redisAdapter: { host: address, port: redis.port },
      access: { secrets: ['0123456789abcdef'] },
      serverPortStart: 4_000,
      admin: null,
    };
    const startServer = async ({ address: host, prefix }: Machine, name: string) => ({
      ...(await start(
        'chaos-server.mjs',
        [JSON.stringify({ ...shared, pushServer: { host, drainMs: 200 } }), name],
        prefix,
      )),
      url: `http://${host}:4000`,
    });
    const [here, there] = [await startServer(first, 'here'), await startServer(second, 'there')];
    const agent = await start(
      'chaos-agent.mjs',
      [JSON.stringify({ ...shared, agentPort: 4_100, routing: { discover: true }, agent: { drainMs: 200 } })],
      first.prefix,
    );
    return { first, second, here, there, agent };
  }

  async function failOverBetween(network: Network, how: 'is not reached' | 'reaches nobody'): Promise<void> {
    const { first, second, here, agent } = await startTwo(network);
    const clients = await connectAll(`http://${first.address}:4100`, 12);
    const checks = clients.map(undisturbed);
    const heard = clients.map((client) => hear<number>(client, 'count'));
    await say(here.child, 0, 1);
    await Promise.all(heard.map((one) => one.count(2)));
    if (how === 'is not reached') first.dropTo(second);
    else second.dropTo(first);
    const began = Date.now();
    await say(here.child, 2, 3);
    await Promise.all(heard.map((one) => one.count(4)));
    // What was sent to a target before that was known to be gone is lost.
    const silent = (): Record<string, unknown> | undefined =>
      agent.lines.find(({ message }) => /target is silent/.test(String(message)));
    const moved = (): number =>
      agent.lines.filter(({ message }) => /^session (migrated|failed over)$/.test(String(message))).length;
    await expect.poll(() => silent()?.tunnels === moved(), { timeout: 12_000 }).toBe(true);
    expect(Date.now() - began).toBeLessThan(12_000);
    expect(await roomCounts(clients)).toEqual(clients.map(() => 1));
    expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2, 3]));
    for (const check of checks) check();
    expect(silent()).toMatchObject({ cause: expect.stringMatching(/unreachable|left/) });
  }

  test('one is not reached any more, or reaches nobody: the sessions that it had go on at the other one', {
    timeout: 60_000,
  }, async () => {
    const { address, machines } = startMachines(4);
    // At the same time, as both wait for silence.
    await Promise.all([
      failOverBetween({ address, machines: machines.slice(0, 2) }, 'is not reached'),
      failOverBetween({ address, machines: machines.slice(2) }, 'reaches nobody'),
    ]);
  });

  test("one loses power and is back later: requests in flight end, and its old sessions are nobody's", {
    timeout: 90_000,
  }, async () => {
    const { first, second, here, there, agent } = await startTwo(startMachines(2));
    const url = `http://${first.address}:4100`;
    const clients = await connectAll(url, 8);
    const checks = clients.map(undisturbed);
    const heard = clients.map((client) => hear<number>(client, 'count'));
    const pollers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        connectClient(url, 'polling', {
          query: { user: `poller-${index}` },
          reconnection: true,
          reconnectionDelay: 100,
        }),
      ),
    );
    const cut = new Set<Socket>();
    for (const poller of pollers) poller.on('disconnect', () => cut.add(poller));
    await say(here.child, 0);
    await Promise.all(heard.map((one) => one.count(1)));
    second.unplug();
    const began = Date.now();
    await say(here.child, 1);
    await Promise.all(heard.map((one) => one.count(2)));
    // Half of them were there, with a request that waits for its answer.
    await expect.poll(() => cut.size, { timeout: 25_000 }).toBeGreaterThan(0);
    await expect.poll(() => pollers.every(({ connected }) => connected), { timeout: 25_000 }).toBe(true);
    expect(Date.now() - began).toBeLessThan(25_000);
    second.plug();
    await expect
      .poll(
        () =>
          fetch(there.url).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(404);
    await say(here.child, 2);
    await Promise.all(heard.map((one) => one.count(3)));
    expect(await roomCounts(clients)).toEqual(clients.map(() => 1));
    expect(heard.map(({ all }) => all)).toEqual(clients.map(() => [0, 1, 2]));
    expect(agent.lines.filter(({ message }) => /could not migrate or fail over/.test(String(message)))).toEqual([]);
    for (const check of checks) check();
  });
});
