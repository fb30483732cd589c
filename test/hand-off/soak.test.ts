import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { slotFields, slotNumbers } from '../../packages/hand-off/src/notes/layout.ts';
import { isLong } from '../support/long.ts';
import { readAdmin } from '../support/metrics.ts';
import { makeConfig } from './support/deployment.ts';

const program = fileURLToPath(new URL('../programs/soak-node.mjs', import.meta.url));
const patiently = { timeout: 60_000 } as const;
const rounds = isLong ? 80 : 4;
const perRound = isLong ? 500 : 40;
/** What one process may have more than at the beginning: descriptors, and bytes of its heap. */
const spare = { descriptors: 6, heap: 12 * 1_048_576 };

/** A port that no connection has as its own: those that the system chooses are higher (`ip_local_port_range`). */
function somePort(): number {
  return 20_000 + Math.floor(Math.random() * 10_000);
}

/** One process, which can be restarted at its port. */
class Node {
  readonly tier: 'agent' | 'server';
  readonly name: string;
  port = 0;
  adminUrl = '';
  #child: ChildProcess | undefined;
  readonly #config: ConfigInput;
  readonly #servers: readonly Node[];

  constructor(tier: 'agent' | 'server', name: string, config: ConfigInput, servers: readonly Node[] = []) {
    this.tier = tier;
    this.name = name;
    this.#config = config;
    this.#servers = servers;
    onTestFinished(() => void this.#child?.kill('SIGKILL'));
  }

  async start(): Promise<void> {
    const port = this.port || somePort();
    const own = this.tier === 'agent' ? { agentPort: port } : { serverPortStart: port };
    const ports = this.#servers.map(({ port }) => port);
    const args = [this.tier, JSON.stringify({ ...this.#config, ...own }), this.name, JSON.stringify(ports)];
    this.#child = fork(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--expose-gc'] });
    const failed = once(this.#child, 'exit').then(() => undefined);
    const told = await Promise.race([once(this.#child, 'message'), failed]);
    if (told !== undefined) {
      this.port = port;
      this.adminUrl = (told as [{ adminUrl: string }])[0].adminUrl;
    } else if (this.port === 0) await this.start();
    else throw new Error(`${this.name} could not be started again`);
  }

  async restart(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child as ChildProcess;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    await this.start();
  }

  async heapUsed(): Promise<number> {
    const told = once(this.#child as ChildProcess, 'message');
    this.#child?.send('memory');
    return ((await told)[0] as { heapUsed: number }).heapUsed;
  }

  get descriptors(): string[] {
    const folder = `/proc/${this.#child?.pid}/fd`;
    return readdirSync(folder).flatMap((name) => {
      try {
        return [`${folder}/${name} ${readlinkSync(`${folder}/${name}`)}`];
      } catch {
        return [];
      }
    });
  }

  /** Slots of its notes that are in use, and pieces. */
  get noted(): number {
    const path = this.descriptors.find((line) => line.includes('hand-off-notes'))?.split(' ')[0];
    if (path === undefined) throw new Error(`${this.name} has no notes`);
    const file = openSync(path, 'r');
    const slots = new Float64Array(65_537 * slotNumbers);
    readSync(file, new Uint8Array(slots.buffer), 0, slots.byteLength, 0);
    closeSync(file);
    let used = 0;
    for (let at = 0; at < slots.length; at += slotNumbers)
      if (slots[at + slotFields.generation] !== 0 || slots[at + slotFields.piece] !== 0) used++;
    return used;
  }

  /** What it has open. */
  async load(): Promise<object> {
    const { connections, tunnels, handedOff, handOff } = JSON.parse((await readAdmin(this, '/state')).text);
    return { name: this.name, ...(this.tier === 'agent' ? { connections, tunnels, handedOff } : handOff.owners) };
  }

  get idle(): object {
    const { name } = this;
    return this.tier === 'agent' ? { name, connections: 0, tunnels: 0, handedOff: 0 } : { name, one: 0, two: 0 };
  }
}

/** A Socket.IO client without a library. */
interface Client {
  readonly socket: WebSocket;
  readonly stream: Socket;
}

/** All that are open. */
const opened = new Set<WebSocket>();

/** @returns `undefined` if it does not come to anything, as while its agent is being restarted */
async function open(port: number, user: string): Promise<Client | undefined> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket&user=${user}`);
  onTestFinished(() => socket.terminate());
  socket.on('error', () => {});
  opened.add(socket);
  socket.on('close', () => opened.delete(socket));
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.on('message', (data) => {
      if (String(data).startsWith('0{')) socket.send('40');
      else if (String(data).startsWith('40')) resolve(true);
      else if (String(data) === '2') socket.send('3');
    });
    socket.on('close', () => resolve(false));
  });
  return isOpen ? { socket, stream: (socket as unknown as { readonly _socket: Socket })._socket } : undefined;
}

/** Ways in which a connection ends. */
const ends: readonly ((client: Client) => void)[] = [
  ({ socket }) => socket.close(4_001),
  ({ socket }) => socket.terminate(),
  ({ socket }) => socket.send('41', () => socket.close()),
  ({ socket }) => socket.send('42["kick"]'),
  ({ socket }) => socket.send('42["cut"]'),
  ({ socket }) => socket.send('42["reset"]'),
  ({ stream }) => void stream.resetAndDestroy(),
  ({ stream }) => void stream.end(),
  ({ stream }) => stream.write(Buffer.of(0x81, 0x85, 0, 0), () => stream.destroy()),
];

/** Connections of a port that one side has ended and the other has not closed: state 08 (`CLOSE_WAIT`). */
function halfClosed(port: number): number {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  return lines.filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${local} [0-9A-F:]+ 08 `).test(line)).length;
}

/** Opens clients at an agent, and ends all but each fifth. @returns those that stay */
async function comeAndGo(agent: Node, round: number, count: number): Promise<WebSocket[]> {
  const staying: WebSocket[] = [];
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const client = await open(agent.port, `u${round % 7}-${index}`);
      if (client === undefined) return;
      if (index % 5 === 0) staying.push(client.socket);
      else ends[(index + round) % ends.length]?.(client);
    }),
  );
  return staying;
}

test('clients come and end in all ways while agents and push-servers are restarted and killed: nothing of them is left', {
  timeout: isLong ? 3_600_000 : 240_000,
}, async () => {
  const base = await makeConfig();
  const config = {
    ...base,
    admin: { agentPort: 0, serverPort: 0 },
    agent: { host: '127.0.0.1', drainMs: 200 },
    limits: { eventLoopDelayMs: 0 },
    log: { level: 'error' as const },
  };
  const servers = ['server-0', 'server-1'].map((name) => new Node('server', name, config));
  await Promise.all(servers.map((one) => one.start()));
  const agents = ['agent-0', 'agent-1'].map((name) => new Node('agent', name, config, servers));
  await Promise.all(agents.map((one) => one.start()));
  const all = [...servers, ...agents];
  const untilIdle = async (): Promise<void> => {
    for (const one of all) await expect.poll(() => one.load(), patiently).toEqual(one.idle);
    for (const { port } of agents) await expect.poll(() => halfClosed(port), patiently).toBe(0);
  };
  /** What each tier has when it is idle after some clients. */
  const measure = async () => {
    for (const agent of agents) for (const one of await comeAndGo(agent, 0, 20)) one.terminate();
    await untilIdle();
    return Promise.all(
      all.map(async (one) => ({ name: one.name, descriptors: one.descriptors, heap: await one.heapUsed() })),
    );
  };
  const before = await measure();
  const restarts: readonly (readonly [Node | undefined, NodeJS.Signals])[] = [
    [servers[0], 'SIGTERM'],
    [agents[0], 'SIGKILL'],
    [servers[1], 'SIGKILL'],
    [agents[1], 'SIGTERM'],
  ];
  let staying: WebSocket[] = [];
  for (let round = 0; round < rounds; round++) {
    const [node, signal] = restarts[round % restarts.length] ?? [];
    const come = agents.map((agent) => comeAndGo(agent, round, perRound / 2));
    const young = await Promise.all([...come, node?.restart(signal as NodeJS.Signals)]);
    // Those of the round before have lived through a restart.
    for (const [index, socket] of staying.entries())
      if (index % 2 === 0) socket.close();
      else socket.terminate();
    staying = young.flatMap((sockets) => sockets ?? []);
  }
  expect(servers.reduce((sum, { noted }) => sum + noted, 0)).toBeGreaterThan(0);
  // An event that asked for the end is lost if its push-server was killed when it had read it.
  for (const socket of opened) socket.terminate();
  await untilIdle();
  const after = await measure();
  for (const [index, { name, descriptors, heap }] of before.entries()) {
    const now = after[index];
    const more = `${name}: ${now?.descriptors.join('\n')}`;
    expect(now?.descriptors.length, more).toBeLessThanOrEqual(descriptors.length + spare.descriptors);
    expect(now?.heap, name).toBeLessThan(heap + spare.heap);
  }
  for (const one of servers) await expect.poll(() => one.noted, patiently).toBe(0);
});
