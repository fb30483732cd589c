import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Agent, type AgentOptions, startAgent } from '@gopush/agent';
import type { ConfigInput, Hooks } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished } from 'vitest';
import { believing } from '../../support/gateway.ts';
import { connectClient } from '../../support/socket-io.ts';

const program = fileURLToPath(new URL('../../programs/push-node.mjs', import.meta.url));
/** Options of `expect.poll` for what many clients do. */
export const patiently = { timeout: 15_000 } as const;

/** Settings of all processes of one test. */
export async function makeConfig(): Promise<ConfigInput & { readonly handOff: { readonly dir: string } }> {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  // Some publish 200 messages a second: a client that waits for half a second would miss what a shorter history has dropped.
  const history = { count: 10_000 };
  const pushServer = { fanoutDir: dir, storeDir: join(dir, 'store'), graceMs: 0, limits: { beginDelayMs: 0 }, history };
  return { serverPortStart: 0, handOff: { enabled: true, dir: join(dir, 'hand-off') }, pushServer };
}

export async function startServer(config: ConfigInput, node: string): Promise<PushServer> {
  const server = await startPushServer({ config, node, logger: silentLogger });
  onTestFinished(() => server.close());
  return server;
}

/** A push-server in a process of its own. */
export async function startProcess(
  config: ConfigInput,
  nodeOptions: readonly string[] = [],
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const execArgv = [...process.execArgv, ...nodeOptions];
  const child = fork(program, [JSON.stringify(config), 'child'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return { child, port: Number(new URL(url).port) };
}

/** A router to push-servers of this machine. */
export function routerTo(ports: readonly number[]): NonNullable<Hooks['router']> {
  return { default: [{ ip: '127.0.0.1', ports: [...ports] }] };
}

/** An agent that has a channel to this many push-servers. */
export async function startHandingAgent(
  config: ConfigInput,
  hooks: NonNullable<AgentOptions['hooks']>,
  channels: number,
) {
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
    hooks,
    logger: { ...silentLogger, debug: note, info: note },
  });
  onTestFinished(() => agent.close());
  await expect.poll(() => open, patiently).toBeGreaterThanOrEqual(channels);
  return { agent, moves, channels: () => open };
}

/** Hooks by which clients are who they say, of push-servers of this machine. */
export function hooksTo(...servers: readonly { readonly port: number }[]) {
  return { agent: believing, router: routerTo(servers.map(({ port }) => port)) };
}

/** Clients that an agent has handed to two push-servers, while one that may be another publishes to them. */
export async function startTalk(
  config: ConfigInput,
  servers: readonly [{ readonly port: number }, { readonly port: number }],
  publisher: PushServer,
  count: number,
) {
  const { agent, moves } = await startHandingAgent(config, hooksTo(...servers), 2);
  const clients = await joinAll(agent, count);
  expect(await stateOf(agent)).toEqual({ tunnels: 0, handedOff: count });
  const numbers = publish(publisher);
  await expect.poll(() => clients.every((client) => client.numbers.length > 20), patiently).toBe(true);
  return { agent, moves, clients, numbers };
}

export async function stateOf({ adminUrl }: Agent): Promise<{ readonly tunnels: number; readonly handedOff: number }> {
  const { tunnels, handedOff } = await (await fetch(`${adminUrl}/state`)).json();
  return { tunnels, handedOff };
}

/** A client in a room, and what it has noticed. */
async function joinOne(agent: Agent, user: string) {
  const returns = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 500 };
  const client: Socket = await connectClient(agent.url, 'websocket', { query: { user }, ...returns });
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

export function joinAll(agent: Agent, count: number) {
  return Promise.all(Array.from({ length: count }, (_, index) => joinOne(agent, `user-${index}`)));
}

/** Publishes numbers to the room until it is stopped. */
export function publish({ push }: PushServer): { stop(): number } {
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

/** A client of {@link joinAll}. */
type Seen = Awaited<ReturnType<typeof joinOne>>;

/** Each client has had each number once and in order. */
export async function expectComplete(clients: readonly Seen[], sent: number): Promise<void> {
  for (const { numbers } of clients) {
    await expect.poll(() => numbers.at(-1), patiently).toBe(sent - 1);
    expect(numbers).toEqual(Array.from(numbers, (_, index) => (numbers[0] as number) + index));
  }
}

/** No client has noticed anything, and each has had each number once and in order. */
export async function expectUnnoticed(clients: readonly Seen[], sent: number): Promise<void> {
  await expectComplete(clients, sent);
  for (const { client, id, disconnects, openings } of clients)
    expect([disconnects, openings, client.id]).toEqual([0, 0, id]);
}
