import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { believing, startPushServers, startTestAgent } from './support/gateway.ts';
import { nextEvent, openClient, type Transport } from './support/socket-io.ts';
import { startUpgradeTap, type UpgradeTap } from './support/upgrade-tap.ts';

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

const unhurried = 25_000;

const targets: Record<string, (times: Times) => Promise<Target>> = {
  async 'a stock Socket.IO server'({ pingInterval = unhurried, pingTimeout = unhurried }) {
    const http = createServer();
    const io = new Server(http, { pingInterval, pingTimeout });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => io.close());
    return { port: (http.address() as AddressInfo).port, io };
  },
  async 'a push-server'({ pingInterval: pingIntervalMs = unhurried, pingTimeout: pingTimeoutMs = unhurried }) {
    const [server] = await startPushServers(1, { pushServer: { pingIntervalMs, pingTimeoutMs } });
    const { port, io } = server as { port: number; io: Server };
    return { port, io };
  },
};

/** The ways to a target, with a tap where the network is hard on upgrades. */
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

/** What a story can do: it is told by each way to each target. */
interface Stage extends Target {
  readonly url: string;
  readonly tap: UpgradeTap;
  readonly seen: Seen;
  /** Opens a client that is watched. */
  open(transport: Transport, options?: object): Socket;
}

function watchServer(io: Server, { server }: Seen): void {
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

/** Tells a story by each way to a target, all at the same time. */
async function tell(
  target: string,
  times: Times,
  story: (stage: Stage) => Promise<void>,
): Promise<Record<string, Seen>> {
  const seen = await Promise.all(
    Object.entries(ways).map(async ([name, way]): Promise<[string, Seen]> => {
      const { port, io } = await (targets[target] as (typeof targets)[string])(times);
      Object.assign(io.engine.opts, { upgradeTimeout: 200 });
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
function expectSame(all: Record<string, Seen>, expected: unknown): void {
  const ends = Object.entries(all).map(([name, { client, server }]) => [name, { client, server }]);
  expect(Object.fromEntries(ends)).toEqual(Object.fromEntries(Object.keys(ways).map((name) => [name, expected])));
}

/** Both ends say a few things, one after the other. */
async function talk(io: Server, client: Socket, { client: heard }: Seen, from = 0): Promise<void> {
  for (let n = from; n < from + 3; n++) {
    expect(await client.timeout(5_000).emitWithAck('n', n)).toBe(n);
    io.emit('n', n);
  }
  await expect.poll(() => heard.at(-1), { interval: 5 }).toBe(`heard ${from + 2}`);
}
/** Waits until both ends have seen the end of the connection. */
async function bothKnow({ client, server }: Seen): Promise<void> {
  for (const end of [client, server]) {
    await expect.poll(() => end.at(-1), { interval: 5, timeout: 5_000 }).toMatch(/^disconnect/);
  }
}

const spoken = ['heard 0', 'heard 1', 'heard 2'];

describe.each(Object.keys(targets))('%s is, straight and through an agent, the same', (target) => {
  test.each(['reset', 'answered by 400', 'never answered', 'cut after the handshake', 'held'] as const)(
    'where an upgrade to WebSocket is %s: clients stay and go on by polling',
    async (fate) => {
      const all = await tell(target, {}, async ({ io, open, tap, seen }) => {
        tap.fate = fate;
        const client = open('upgrade');
        await nextEvent(client, 'connect');
        if (fate === 'held') {
          const [conn] = Object.values(
            (io.engine as unknown as { clients: Record<string, { upgrading: boolean }> }).clients,
          );
          await tap.upgraded();
          await expect.poll(() => conn?.upgrading, { interval: 5 }).toBe(false);
          tap.release();
        }
        if (fate !== 'never answered') {
          await expect.poll(() => seen.upgrades, { interval: 5 }).toEqual(['upgrade failed']);
        }
        await talk(io, client, seen);
        expect(client.io.engine.transport.name).toBe('polling');
        client.disconnect();
        await expect.poll(() => io.engine.clientsCount, { interval: 5 }).toBe(0);
      });
      expectSame(all, {
        client: ['connect', ...spoken, 'disconnect: io client disconnect'],
        server: ['connection', ...spoken, 'disconnect: client namespace disconnect'],
      });
    },
  );

  describe.each(['websocket', 'polling', 'upgrade'] as const)('by %s', (transport) => {
    const upgrade = transport === 'upgrade' ? ['upgrade'] : [];
    const times = { pingInterval: 200, pingTimeout: 200 };

    test.each([
      { silent: 'client', reasons: ['transport close', 'ping timeout'] },
      { silent: 'server', reasons: ['ping timeout', 'transport close'] },
      { silent: 'network', reasons: ['ping timeout', 'ping timeout'] },
    ])('a $silent that falls silent is noticed in time, with the right reasons', async ({ silent, reasons }) => {
      const all = await tell(target, times, async ({ io, open, tap, seen }) => {
        const client = open(transport);
        await nextEvent(client, 'connect');
        await expect.poll(() => seen.upgrades, { interval: 5 }).toEqual(upgrade);
        await talk(io, client, seen);
        const { engine } = client.io as unknown as { engine: { _sendPacket(type: string): void } };
        const [{ conn }] = [...io.of('/').sockets.values()] as unknown as [{ conn: object }];
        if (silent === 'client') engine._sendPacket = () => {};
        if (silent === 'server') clearTimeout((conn as { pingIntervalTimer: NodeJS.Timeout }).pingIntervalTimer);
        if (silent === 'network') tap.freeze();
        const at = performance.now();
        await bothKnow(seen);
        expect(performance.now() - at).toBeLessThan(1_500);
        expect(io.engine.clientsCount).toBe(0);
      });
      const [client, server] = reasons;
      expectSame(all, {
        client: ['connect', ...spoken, `disconnect: ${client}`],
        server: ['connection', ...spoken, `disconnect: ${server}`],
      });
    });

    test.each(['the server', 'the client'])('%s ends the connection, and both ends know', async (who) => {
      const all = await tell(target, {}, async ({ io, open, seen }) => {
        const client = open(transport);
        await nextEvent(client, 'connect');
        await expect.poll(() => seen.upgrades, { interval: 5 }).toEqual(upgrade);
        if (who === 'the server') io.disconnectSockets(true);
        else client.io.engine.close();
        await bothKnow(seen);
        await expect.poll(() => io.engine.clientsCount, { interval: 5 }).toBe(0);
      });
      const [client, server] =
        who === 'the server'
          ? ['io server disconnect', 'server namespace disconnect']
          : ['forced close', 'transport close'];
      expectSame(all, {
        client: ['connect', `disconnect: ${client}`],
        server: ['connection', `disconnect: ${server}`],
      });
    });
  });

  test.each(['the server', 'the client'])('%s ends it in the middle of an upgrade, and nothing stays', async (who) => {
    const all = await tell(target, {}, async ({ io, open, tap, seen }) => {
      Object.assign(io.engine.opts, { upgradeTimeout: 5_000 });
      tap.fate = 'held';
      const client = open('upgrade');
      await Promise.all([nextEvent(client, 'connect'), tap.upgraded()]);
      await talk(io, client, seen);
      if (who === 'the server') io.disconnectSockets(true);
      else client.disconnect();
      await expect.poll(() => seen.server.at(-1), { interval: 5 }).toMatch(/^disconnect/);
      tap.release();
      await bothKnow(seen);
      await expect.poll(() => io.engine.clientsCount, { interval: 5 }).toBe(0);
    });
    const [client, server] =
      who === 'the server'
        ? ['io server disconnect', 'server namespace disconnect']
        : ['io client disconnect', 'client namespace disconnect'];
    expectSame(all, {
      client: ['connect', ...spoken, `disconnect: ${client}`],
      server: ['connection', ...spoken, `disconnect: ${server}`],
    });
  });
});
