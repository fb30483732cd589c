import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { expectSame, isReached, soon, spoken, startStock, talk, tell, watchServer } from '../support/both-ends.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { nextEvent, openClient } from '../support/socket-io.ts';
import { startUpgradeTap } from '../support/upgrade-tap.ts';

/** Clients try again soon. */
const again = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 50, randomizationFactor: 0 };
const transports = ['websocket', 'polling', 'upgrade'] as const;

describe.each(transports)('a client by %s of a stock Socket.IO server, straight and through an agent', (transport) => {
  const upgrade = transport === 'upgrade' ? ['upgrade'] : [];
  const stock = 'a stock Socket.IO server';
  const after = ['heard 3', 'heard 4', 'heard 5'];

  test('comes back after the server was started again, and has seen the same', async () => {
    const all = await tell(stock, {}, async ({ io, port, open, seen }) => {
      const client = open(transport, again);
      await nextEvent(client, 'connect');
      await expect.poll(() => seen.upgrades, soon).toEqual(upgrade);
      await talk(io, client, seen);
      await isReached(io);
      const back = nextEvent(client, 'connect');
      await io.close();
      const next = await startStock(port);
      watchServer(next.io, seen);
      await back;
      await expect.poll(() => seen.upgrades, soon).toEqual([...upgrade, ...upgrade]);
      await talk(next.io, client, seen, 3);
    });
    expectSame(all, {
      client: ['connect', ...spoken, 'disconnect: transport close', 'connect', ...after],
      server: ['connection', ...spoken, 'disconnect: server shutting down', 'connection', ...after],
    });
  });

  test('comes back after all connections were cut, and has seen the same', async () => {
    const all = await tell(stock, {}, async ({ io, open, tap, seen }) => {
      const client = open(transport, again);
      await nextEvent(client, 'connect');
      await expect.poll(() => seen.upgrades, soon).toEqual(upgrade);
      await talk(io, client, seen);
      await isReached(io);
      const [back, { target }] = [nextEvent(client, 'connect'), tap];
      tap.target = undefined;
      tap.cut();
      // An agent has requests of clients wait for their target.
      await expect.poll(() => seen.server.at(-1), soon).toMatch(/^disconnect/);
      tap.target = target;
      await back;
      await expect.poll(() => seen.upgrades, soon).toEqual([...upgrade, ...upgrade]);
      await talk(io, client, seen, 3);
    });
    const [client, server] =
      transport === 'polling' ? ['transport error', 'transport error'] : ['transport close', 'transport close'];
    expectSame(all, {
      client: ['connect', ...spoken, `disconnect: ${client}`, 'connect', ...after],
      server: ['connection', ...spoken, `disconnect: ${server}`, 'connection', ...after],
    });
  });
});

/** Messages of a room that a client has entered, counted. */
async function enter(client: Socket) {
  const numbers: number[] = [];
  const recovered: boolean[] = [];
  client.on('count', (n) => numbers.push(n));
  await nextEvent(client, 'connect');
  await client.emitWithAck('go:join', 'room');
  client.on('connect', () => recovered.push(client.recovered));
  let said = 0;
  return {
    numbers,
    recovered,
    say: (server: PushServer) => server.push.toRoom('room', 'count', said++),
    /** Everything arrived once and in order, and each client that was cut off came back to its session. */
    async isWhole() {
      await expect.poll(() => numbers.at(-1), soon).toBe(said - 1);
      expect(numbers).toEqual(Array.from({ length: said }, (_, n) => n));
      expect(recovered).not.toContain(false);
    },
  };
}

const ways = ['straight', 'through an agent'] as const;

describe.each(ways)('a client of push-servers, %s', (way) => {
  async function openThroughTap(servers: readonly PushServer[]) {
    let live = servers.slice(0, 1);
    const router = { default: () => targetsOf(live) };
    const agent = way === 'straight' ? undefined : await startTestAgent({ agent: believing, router });
    const tap = await startUpgradeTap((agent ?? (servers[0] as PushServer)).port);
    return {
      tap,
      open: (transport: (typeof transports)[number]) =>
        openClient(tap.url, transport, { query: { user: 'ann', uid: 'ann' }, ...again }),
      /** From now on the second push-server is where new connections go. */
      turn() {
        live = [...servers].reverse();
        if (agent === undefined) tap.target = servers[1]?.port;
      },
    };
  }

  test.each(transports)('by %s comes back after its only one was started again, or is told what is new', async (by) => {
    const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const pushServer = { fanoutDir: dir, storeDir: join(dir, 'store') };
    const [old] = (await startPushServers(1, { pushServer })) as [PushServer];
    const { open } = await openThroughTap([old]);
    const client = open(by);
    const room = await enter(client);
    if (by === 'upgrade') await expect.poll(() => client.io.engine.transport.name, soon).toBe('websocket');
    await room.say(old);
    await expect.poll(() => room.numbers, soon).toEqual([0]);
    await old.close();
    const [next] = (await startPushServers(1, { serverPortStart: old.port, pushServer })) as [PushServer];
    await room.say(next);
    if (way === 'through an agent' && by !== 'polling') {
      await room.isWhole();
      expect(room.recovered).toEqual([]);
      return;
    }
    // Nobody knows what was sent to all while there was no push-server: a new session, as in Socket.IO.
    await expect.poll(() => room.recovered, soon).toEqual([false]);
    await client.emitWithAck('go:join', 'room');
    await room.say(next);
    await expect.poll(() => room.numbers, soon).toEqual([0, 2]);
  });

  test.each(['goes on at once', 'is held until the stop is over'])(
    'whose upgrade to WebSocket is under way during a planned stop, and %s, misses nothing',
    async (what) => {
      const servers = await startPushServers(2, { pushServer: { drainMs: 1_000 } });
      const [old, next] = servers as [PushServer, PushServer];
      const { tap, open, turn } = await openThroughTap(servers);
      tap.fate = 'held';
      const client = open('upgrade');
      const [room] = await Promise.all([enter(client), tap.upgraded()]);
      await room.say(next);
      tap.fate = 'pass';
      turn();
      const stopping = performance.now();
      const closed = old.close().then(() => performance.now() - stopping);
      await room.say(next);
      if (what === 'goes on at once') tap.release();
      await room.say(next);
      expect(await closed).toBeLessThan(5_000);
      await room.say(next);
      tap.release();
      await room.say(next);
      await room.isWhole();
      expect(await client.timeout(5_000).emitWithAck('go:join', 'other')).toBeDefined();
      await expect.poll(() => client.io.engine.transport.name, { timeout: 8_000 }).toBe('websocket');
      expect(next.io.engine.clientsCount).toBe(1);
    },
  );
});

test('an agent that stops while a client is silent in the middle of an upgrade does so in time, and the client comes back by another', async () => {
  const servers = (await startPushServers(1)) as [PushServer];
  const hooks = { agent: believing, router: { default: targetsOf(servers) } };
  const [agent, other] = [await startTestAgent(hooks), await startTestAgent(hooks)];
  const tap = await startUpgradeTap(agent.port);
  tap.fate = 'held';
  const client = openClient(tap.url, 'upgrade', { query: { user: 'ann' }, ...again });
  const [room] = await Promise.all([enter(client), tap.upgraded()]);
  await room.say(servers[0]);
  tap.fate = 'pass';
  tap.target = other.port;
  const began = performance.now();
  const closed = agent.close().then(() => performance.now() - began);
  await room.say(servers[0]);
  expect(await closed).toBeLessThan(5_000);
  await room.say(servers[0]);
  tap.release();
  await room.isWhole();
});
