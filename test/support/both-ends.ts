import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished } from 'vitest';
import { believing, startPushServers, startTestAgent } from './gateway.ts';
import { openClient, type Transport } from './socket-io.ts';
import { startUpgradeTap, type UpgradeTap } from './upgrade-tap.ts';

/** What both ends of a connection have seen, in order. */
interface Seen {
  readonly client: string[];
  readonly server: string[];
  /** What became of upgrades at the client: it may be told of that before or after other things. */
  readonly upgrades: string[];
}

interface Target {
  readonly port: number;
  readonly io: Server;
}

/** Short times, so that tests need not wait. */
interface Times {
  readonly pingInterval?: number;
  readonly pingTimeout?: number;
}

/** How a test waits for what comes within a moment, on a machine that may be busy. */
export const soon = { interval: 5, timeout: 10_000 };

const unhurried = 25_000;

/** Starts a stock Socket.IO server that ends with the test. */
export async function startStock(port: number, times: Times = {}): Promise<Target> {
  const http = createServer();
  const io = new Server(http, times);
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => io.close());
  return { port: (http.address() as AddressInfo).port, io };
}

export const targets: Record<string, (times: Times) => Promise<Target>> = {
  async 'a stock Socket.IO server'({ pingInterval = unhurried, pingTimeout = unhurried }) {
    return startStock(0, { pingInterval, pingTimeout });
  },
  async 'a push-server'({ pingInterval: pingIntervalMs = unhurried, pingTimeout: pingTimeoutMs = unhurried }) {
    const [server] = await startPushServers(1, { pushServer: { pingIntervalMs, pingTimeoutMs } });
    const { port, io } = server as { port: number; io: Server };
    return { port, io };
  },
};

/** The ways to a target, with a tap if the network is hard on upgrades. */
const ways: Record<string, (port: number) => Promise<{ url: string; tap: UpgradeTap }>> = {
  async straight(port) {
    const tap = await startUpgradeTap(port);
    return { url: tap.url, tap };
  },
  async 'through an agent, in front of it'(port) {
    const agent = await startTestAgent({ agent: believing, router: { default: { ip: '127.0.0.1', port } } });
    const tap = await startUpgradeTap(agent.port);
    return { url: tap.url, tap };
  },
  async 'through an agent, behind it'(port) {
    const tap = await startUpgradeTap(port);
    const router = { default: { ip: '127.0.0.1', port: tap.port } };
    const agent = await startTestAgent({ agent: believing, router });
    return { url: agent.url, tap };
  },
};

/** The actions of a story, which runs by each way to each target. */
interface Stage extends Target {
  readonly url: string;
  readonly tap: UpgradeTap;
  readonly seen: Seen;
  /** Opens a client that is watched. */
  open(transport: Transport, options?: object): Socket;
}

/** Has what a server sees written down. */
export function watchServer(io: Server, { server }: Seen): void {
  io.on('connection', (socket) => {
    server.push('connection');
    socket.on('disconnect', (reason) => server.push(`disconnect: ${reason}`));
    socket.on('n', (n, answer) => {
      server.push(`heard ${n}`);
      answer(n);
    });
  });
}

function watchClient(socket: Socket, { client, upgrades }: Seen): void {
  socket.on('connect', () => client.push('connect'));
  socket.on('disconnect', (reason) => client.push(`disconnect: ${reason}`));
  socket.on('n', (n) => client.push(`heard ${n}`));
  socket.io.on('open', () => {
    socket.io.engine.on('upgrade', () => upgrades.push('upgrade'));
    socket.io.engine.on('upgradeError', () => upgrades.push('upgrade failed'));
  });
}

/** Runs a story by each way to a target, all at the same time. */
export async function tell(
  target: string,
  times: Times,
  story: (stage: Stage) => Promise<void>,
): Promise<Record<string, Seen>> {
  const seen = await Promise.all(
    Object.entries(ways).map(async ([name, way]): Promise<[string, Seen]> => {
      const { port, io } = await (targets[target] as (typeof targets)[string])(times);
      const seen: Seen = { client: [], server: [], upgrades: [] };
      watchServer(io, seen);
      const { url, tap } = await way(port);
      const open = (transport: Transport, options = {}) => {
        const client = openClient(url, transport, { query: { user: 'ann', uid: 'ann' }, ...options });
        watchClient(client, seen);
        return client;
      };
      await story({ port, io, url, tap, seen, open });
      return [name, seen];
    }),
  );
  return Object.fromEntries(seen);
}

/** Expects that both ends have seen this by all ways. */
export function expectSame(all: Record<string, Seen>, expected: unknown): void {
  const ends = Object.entries(all).map(([name, { client, server }]) => [name, { client, server }]);
  expect(Object.fromEntries(ends)).toEqual(Object.fromEntries(Object.keys(ways).map((name) => [name, expected])));
}

/** Both ends say a few things, one after the other. */
export async function talk(io: Server, client: Socket, { client: heard }: Seen, from = 0): Promise<void> {
  for (let n = from; n < from + 3; n++) {
    expect(await client.timeout(soon.timeout).emitWithAck('n', n)).toBe(n);
    io.emit('n', n);
  }
  await expect.poll(() => heard.at(-1), soon).toBe(`heard ${from + 2}`);
}

/** Waits until a server can write to its only client at once: by polling, until a request of it is there. */
export async function isReached(io: Server): Promise<void> {
  const [socket] = io.of('/').sockets.values();
  const { conn } = socket as unknown as { conn: { transport: { writable: boolean } } };
  await expect.poll(() => conn.transport.writable, soon).toBe(true);
}

/** Waits until both ends have seen the end of the connection. */
export async function bothKnow({ client, server }: Seen): Promise<void> {
  for (const end of [client, server]) {
    await expect.poll(() => end.at(-1), soon).toMatch(/^disconnect/);
  }
}

export const spoken = ['heard 0', 'heard 1', 'heard 2'];
