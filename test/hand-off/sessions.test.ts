import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Agent, startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { believing } from '../support/gateway.ts';
import { connectClient } from '../support/socket-io.ts';

const program = fileURLToPath(new URL('../programs/push-node.mjs', import.meta.url));
const patiently = { timeout: 15_000 } as const;

/** Settings of all processes of one test. */
async function makeConfig(): Promise<ConfigInput & { readonly handOff: { readonly dir: string } }> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const pushServer = { fanoutDir: dir, storeDir: join(dir, 'store'), graceMs: 0, limits: { beginDelayMs: 0 } };
  return { serverPortStart: 0, handOff: { enabled: true, dir: join(dir, 'hand-off') }, pushServer };
}

async function startServer(config: ConfigInput, node: string): Promise<PushServer> {
  const server = await startPushServer({ config, node, logger: silentLogger });
  onTestFinished(() => server.close());
  return server;
}

/** A push-server in a process of its own. */
async function startProcess(config: ConfigInput): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(program, [JSON.stringify(config), 'child'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, port: Number(new URL(url).port) };
}

/** An agent that has a channel to so many push-servers. */
async function startHandingAgent(config: ConfigInput, ports: () => readonly number[], channels: number) {
  const moves: string[] = [];
  let open = 0;
  const note = (fields: object | string, message = ''): void => {
    if (/^session (migrated|failed over)$/.test(message)) moves.push(message);
    if ((fields as { state?: string }).state === 'open') open++;
  };
  const agent = await startAgent({
    config: {
      ...config,
      agentPort: 0,
      admin: { agentPort: 0 },
      agent: { host: '127.0.0.1', drainMs: 200 },
      limits: { eventLoopDelayMs: 0 },
    },
    hooks: { agent: believing, router: { default: [{ ip: '127.0.0.1', ports: [...ports()] }] } },
    logger: { ...silentLogger, debug: note, info: note },
  });
  onTestFinished(() => agent.close());
  await expect.poll(() => open, patiently).toBeGreaterThanOrEqual(channels);
  return { agent, moves };
}

async function stateOf({ adminUrl }: Agent): Promise<{ readonly tunnels: number; readonly handedOff: number }> {
  const { tunnels, handedOff } = await (await fetch(`${adminUrl}/state`)).json();
  return { tunnels, handedOff };
}

/** A client in a room, and what it has noticed. */
async function joinOne(agent: Agent, user: string) {
  const client: Socket = await connectClient(agent.url, 'websocket', { query: { user } });
  const seen = { client, id: client.id, disconnects: 0, openings: 0, numbers: [] as number[] };
  client.on('disconnect', () => seen.disconnects++);
  // Those of the next push-server are not for the client.
  client.io.engine.on('packet', ({ type }) => {
    if (type === 'open') seen.openings++;
  });
  client.on('count', (n: number) => seen.numbers.push(n));
  await client.emitWithAck('go:join', 'room');
  return seen;
}

function joinAll(agent: Agent, count: number) {
  return Promise.all(Array.from({ length: count }, (_, index) => joinOne(agent, `user-${index}`)));
}

/** Publishes numbers to the room until it is stopped. */
function publish({ push }: PushServer): { stop(): number } {
  let n = 0;
  const timer = setInterval(() => void push.toRoom('room', 'count', n++, { keep: 'must' }), 5);
  onTestFinished(() => clearInterval(timer));
  return {
    stop() {
      clearInterval(timer);
      return n;
    },
  };
}

type Seen = Awaited<ReturnType<typeof joinOne>>;

/** No client has noticed anything, and each has had each number once and in order. */
async function expectUnnoticed(clients: readonly Seen[], sent: number): Promise<void> {
  for (const { numbers } of clients) await expect.poll(() => numbers.at(-1), patiently).toBe(sent - 1);
  for (const { client, id, disconnects, openings, numbers } of clients) {
    expect([disconnects, openings, client.id]).toEqual([0, 0, id]);
    expect(numbers).toEqual(Array.from(numbers, (_, index) => (numbers[0] as number) + index));
  }
}

const count = 20;

test('a push-server stops: its sessions are handed to the next one, and no client notices', async () => {
  const config = await makeConfig();
  const [first, next] = [await startServer(config, 'first'), await startServer(config, 'next')];
  const { agent, moves } = await startHandingAgent(config, () => [first.port, next.port], 2);
  const clients = await joinAll(agent, count);
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(next);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(20);
  await first.close();
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(60);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  expect(moves.length).toBeGreaterThan(0);
  expect(new Set(moves)).toEqual(new Set(['session migrated']));
});

test('a push-server is killed: its sessions fail over to the next one, and no client notices', async () => {
  const config = await makeConfig();
  const [first, next] = [await startProcess(config), await startServer(config, 'next')];
  const { agent, moves } = await startHandingAgent(config, () => [first.port, next.port], 2);
  const clients = await joinAll(agent, count);
  const numbers = publish(next);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(20);
  first.child.kill('SIGKILL');
  await expect.poll(() => moves.length, patiently).toBeGreaterThan(0);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(60);
  await expectUnnoticed(clients, numbers.stop());
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  expect(new Set(moves)).toEqual(new Set(['session failed over']));
});

test.each(['stops', 'is killed'])(
  'a push-server %s, and the next one takes no hand-offs: the sessions go on as tunnels',
  async (how) => {
    const config = await makeConfig();
    const next = await startServer({ ...config, handOff: { enabled: false } }, 'next');
    const server = how === 'stops' ? await startServer(config, 'first') : undefined;
    const child = how === 'stops' ? undefined : await startProcess(config);
    const port = server?.port ?? child?.port ?? 0;
    const { agent } = await startHandingAgent(config, () => [port, next.port], 1);
    const clients = await joinAll(agent, count);
    const { tunnels, handedOff } = await stateOf(agent);
    expect(handedOff).toBeGreaterThan(0);
    expect(handedOff + tunnels).toBe(count);
    const numbers = publish(next);
    await expect.poll(() => clients.every((one) => one.numbers.length > 20), patiently).toBe(true);
    child?.child.kill('SIGKILL');
    await server?.close();
    await expect.poll(() => stateOf(agent), patiently).toEqual({ tunnels: count, handedOff: 0 });
    await expectUnnoticed(clients, numbers.stop());
  },
);

test('sessions whose agent has been replaced fail over as well', async () => {
  const config = await makeConfig();
  const [first, next] = [await startProcess(config), await startServer(config, 'next')];
  const ports = () => [first.port, next.port];
  const old = await startHandingAgent(config, ports, 2);
  const clients = await joinAll(old.agent, count);
  await old.agent.close();
  const young = await startHandingAgent(config, ports, 2);
  await expect.poll(() => stateOf(young.agent), patiently).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(next);
  await expect.poll(() => clients.every((one) => one.numbers.length > 20), patiently).toBe(true);
  first.child.kill('SIGKILL');
  await expect.poll(() => young.moves.length, patiently).toBeGreaterThan(0);
  await expect.poll(() => clients[0]?.numbers.length).toBeGreaterThan(80);
  await expectUnnoticed(clients, numbers.stop());
  expect(new Set(young.moves)).toEqual(new Set(['session failed over']));
});
