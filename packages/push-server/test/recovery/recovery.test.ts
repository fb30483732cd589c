import { setTimeout as pause } from 'node:timers/promises';
import type { PushServer } from '@gopush/push-server';
import fc from 'fast-check';
import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { type CuttingProxy, startCuttingProxy } from '../../../../test/support/cutting-proxy.ts';
import { connectTo, describeNodes, hear } from '../../../../test/support/nodes.ts';
import { connectClient, nextEvent, openClient } from '../../../../test/support/socket-io.ts';

/** `GOPUSH_CHAOS=full` is the long form. */
const full = process.env.GOPUSH_CHAOS === 'full';
const comesBack = { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 20, timeout: 5_000 };

/** Cuts what a client has, and resolves when it is back. */
async function cutAndReturn(client: Socket, proxy: CuttingProxy): Promise<boolean> {
  const back = nextEvent(client, 'connect');
  proxy.cut();
  await back;
  return client.recovered;
}

function portsOf(servers: readonly PushServer[]): number[] {
  return servers.map(({ port }) => port);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describeNodes('connection state recovery', (startNodes) => {
  async function start(config = {}, hooks = {}) {
    const nodes = await startNodes();
    const settings = { history: { count: 4_000 }, graceMs: 5_000, ...config };
    const servers = [await nodes.start(settings, hooks), await nodes.start(settings, hooks)] as [
      PushServer,
      PushServer,
    ];
    const proxy = await startCuttingProxy(portsOf(servers));
    const join = (uid = 'ann', transport: 'websocket' | 'polling' | 'upgrade' = 'websocket', options = {}) =>
      connectClient(proxy.url, transport, { query: { uid }, ...comesBack, ...options });
    return { nodes, servers, proxy, join };
  }

  test('a client that comes back as another user begins a new session, and the session stays for its own user', async () => {
    const { proxy, join } = await start();
    const client = await join('ann');
    await client.emitWithAck('go:join', 'den');
    const { id } = client;
    const { opts } = client.io as unknown as { opts: { query: { uid: string } } };
    opts.query.uid = 'bob';
    const isBob = new Promise<void>((resolve) => {
      client.on('go:welcome', ({ uid }: { uid: string }) => uid === 'bob' && resolve());
    });
    const refusals = hear(client, 'connect_error');
    expect(await cutAndReturn(client, proxy)).toBe(false);
    await isBob;
    expect(client.id).not.toBe(id);
    expect(refusals.all).toEqual([]);
    expect(await client.emitWithAck('go:leave', 'den')).toMatchObject({ count: 0 });
  });

  test('connections are cut at any byte, again and again: each message once, in order', async () => {
    const { servers, proxy, join } = await start();
    const client = await join();
    // Without, a message whose mark has not come may come twice.
    await client.emitWithAck('go:marks');
    const rooms = ['a', 'b', 'c'];
    await client.emitWithAck('go:join', rooms);
    const heard = new Map(rooms.map((room) => [room, hear<number>(client, `in ${room}`)]));
    const said = new Map(rooms.map((room) => [room, 0]));
    const say = async (count: number, by: number): Promise<void> => {
      for (let index = 0; index < count; index++) {
        const room = rooms[index % rooms.length] as string;
        const number = said.get(room) as number;
        said.set(room, number + 1);
        await servers[by % 2]?.push.toRoom(room, `in ${room}`, number);
        // What has no place in a history must not get in the way.
        if (index % 3 === 0) servers[(by + 1) % 2]?.io.emit('plain', 'a.1~');
        if (index % 4 === 0) servers[by % 2]?.io.volatile.emit('plain', 'text');
        if (index % 5 === 0) servers[by % 2]?.io.local.emit('plain', 'text');
      }
    };
    let recovered = 0;
    const round = async (cuts: readonly number[], count: number, by: number): Promise<void> => {
      const speaking = say(count, by);
      for (const bytes of cuts) {
        proxy.cutAfter(bytes);
        const lost = nextEvent(client, 'disconnect');
        proxy.cut();
        await lost;
        // The next one may be cut before it is a connection of Socket.IO.
        if (!client.connected) await nextEvent(client, 'connect');
        expect(client.recovered).toBe(true);
        recovered++;
      }
      await speaking;
    };
    const runs = full ? 150 : 8;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 100, max: 4_000 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(1),
        async (cuts, count, by) => {
          await round(cuts, count, by);
          await Promise.all(rooms.map((room) => heard.get(room)?.count(said.get(room) as number)));
          for (const room of rooms) expect(heard.get(room)?.all).toEqual(upTo(said.get(room) as number));
        },
      ),
      { numRuns: runs, endOnFailure: true },
    );
    expect(recovered).toBeGreaterThanOrEqual(runs);
    expect(new Set(proxy.used)).toEqual(new Set(portsOf(servers)));
  }, 600_000);

  test.each(['polling', 'upgrade'] as const)('a client by %s loses nothing', async (transport) => {
    const { servers, proxy, join } = await start();
    // Requests of one polling session have to reach one push-server: an agent does that.
    proxy.ports = [servers[0].port];
    const client = await join('ann', transport);
    await client.emitWithAck('go:join', 'room');
    const heard = hear<number>(client, 'count');
    const events = hear<number>(client, 'event');
    for (let number = 0; number < 60; number++) {
      await servers[number % 2]?.push.toRoom('room', 'count', number);
      servers[number % 2]?.io.emit('event', number);
      if (number % 20 !== 10) continue;
      const lost = nextEvent(client, 'disconnect');
      proxy.ports = [(servers[proxy.ports[0] === servers[0].port ? 1 : 0] as PushServer).port];
      const back = nextEvent(client, 'connect');
      proxy.cut();
      await lost;
      await back;
      expect(client.recovered).toBe(true);
    }
    expect(await heard.count(60)).toEqual(upTo(60));
    // A connection may be cut between an event and its mark: then it comes again.
    await events.count(60);
    expect(new Set(events.all)).toEqual(new Set(upTo(60)));
  });

  test('text as a last argument is no mark', async () => {
    const { servers, proxy, join } = await start();
    const client = await join();
    await client.emitWithAck('go:join', 'room');
    const heard = hear<number>(client, 'count');
    const texts = hear<string>(client, 'x');
    const sayText: ((by: PushServer) => unknown)[] = [
      (by) => by.io.emit('x', 'text'),
      (by) => by.io.local.emit('x', 'text'),
      (by) => by.io.volatile.emit('x', 'text'),
      (by) => by.io.to(client.id as string).emit('x', 'text'),
      (by) => by.push.toAll('x', 'e.9~'),
      (by) => by.push.toUser('ann', 'x', 'e.9~', { keep: 'no' }),
      (by) => [...by.io.of('/').sockets.values()].map((socket) => socket.emit('x', 'text')),
    ];
    const reachesAll = (sayIt: (typeof sayText)[number]): boolean => ![1, 2, 6].includes(sayText.indexOf(sayIt));
    let said = 0;
    for (const sayIt of sayText) {
      for (const by of servers) {
        await servers[0].push.toRoom('room', 'count', said++);
        await heard.count(said);
        const expected = texts.all.length + 1;
        await sayIt(by);
        // One on the other node does not hear all of it, nor one that is just busy.
        if (reachesAll(sayIt)) await texts.count(expected);
        else await client.emitWithAck('go:join', 'room');
        expect(await cutAndReturn(client, proxy)).toBe(true);
      }
    }
    await servers[0].push.toRoom('room', 'count', said++);
    await heard.count(said);
    expect(heard.all).toEqual(upTo(said));
  });

  test('a session that is too old, and a pid of somebody else', async () => {
    const { servers, proxy, join } = await start({ recoveryMs: 700 });
    const ann = await join('ann');
    await ann.emitWithAck('go:join', 'room');
    const pid = (ann as unknown as { _pid: string })._pid;
    const lost = nextEvent(ann, 'disconnect');
    ann.io.reconnection(false);
    proxy.cut();
    await lost;
    const eve = openClient(servers[1].url, 'websocket', { query: { uid: 'eve' }, auth: { pid, offset: 'a.1~' } });
    const spied = hear(eve, 'secret');
    await nextEvent(eve, 'connect');
    expect(eve.recovered).toBe(false);
    expect(await eve.emitWithAck('go:leave', 'none')).toMatchObject({ rooms: [], count: 0 });
    // Ann has not lost it by that.
    ann.connect();
    await nextEvent(ann, 'connect');
    expect(ann.recovered).toBe(true);
    const heard = hear(ann, 'secret');
    await servers[0].push.toRoom('room', 'secret', 1);
    await heard.count(1);
    expect(spied.all).toEqual([]);
    proxy.cut();
    await nextEvent(ann, 'disconnect');
    await pause(1_000);
    ann.connect();
    await nextEvent(ann, 'connect');
    expect(ann.recovered).toBe(false);
  });

  test('the server hook refuses a client that comes back', async () => {
    let isWelcome = true;
    const { servers, proxy, join } = await start({}, { onConnect: () => isWelcome });
    const client = await join();
    await client.emitWithAck('go:join', 'room');
    const heard = hear<number>(client, 'count');
    isWelcome = false;
    const refused = nextEvent<Error & { data: { code: string } }>(client, 'connect_error');
    proxy.cut();
    expect((await refused).data.code).toBe('connect_refused');
    await servers[0].push.toRoom('room', 'count', 0);
    expect(await servers[0].push.presence.counts()).toMatchObject({ ok: true });
    isWelcome = true;
    client.connect();
    await nextEvent(client, 'connect');
    expect(client.recovered).toBe(true);
    expect(await heard.count(1)).toEqual([0]);
  });

  test('data, rooms of handlers, binary messages and presence go along', async () => {
    const { servers, proxy, join } = await start({ graceMs: 300 });
    for (const { io } of servers) {
      io.on('connection', (socket) => {
        if (socket.recovered) return;
        socket.data.name = 'Ann';
        void socket.join('own');
      });
    }
    const client = await join();
    await client.emitWithAck('go:join', 'room');
    const heard = hear<{ bytes: Buffer }>(client, 'file');
    const own = hear<string>(client, 'own');
    for (let round = 0; round < 4; round++) {
      // Twice to the same node, twice to the other.
      proxy.ports = [(servers[round >> 1] as PushServer).port];
      const back = nextEvent(client, 'connect');
      proxy.cut();
      await servers[0].push.toRoom('room', 'file', { bytes: Buffer.from([round, 255]) });
      await back;
      expect(client.recovered).toBe(true);
      await heard.count(round + 1);
      servers[0].io.to('own').emit('own', `round ${round}`);
      await own.has(`round ${round}`);
      const here = servers[round >> 1]?.io.of('/').sockets.get(client.id as string);
      expect(here?.data).toEqual({ name: 'Ann' });
      // Its old node takes back what it said when its grace is over.
      await expect
        .poll(() => client.emitWithAck('go:presence', { room: 'room' }), { timeout: 10_000 })
        .toMatchObject({ ok: true, users: [{ uid: 'ann', devices: 1 }] });
    }
    expect(heard.all.map(({ bytes }) => [...new Uint8Array(bytes)])).toEqual(upTo(4).map((n) => [n, 255]));
  });

  test('what waits for a user and was not acknowledged is given again', async () => {
    const { servers, proxy, join } = await start();
    const client = await join();
    let acknowledges = false;
    const got: unknown[] = [];
    client.on('go:inbox', ({ id, message }: { id: string; message: unknown }, ack: (id: string) => void) => {
      got.push(message);
      if (acknowledges) ack(id);
    });
    await servers[1].push.toUser('ann', 'mail', 1, { deliver: 'store', id: 'one' });
    await expect.poll(() => got).toEqual([1]);
    acknowledges = true;
    expect(await cutAndReturn(client, proxy)).toBe(true);
    await expect.poll(() => got).toEqual([1, 1]);
    await expect.poll(() => servers[0].push.inbox.pending('ann', 10)).toMatchObject({ value: [] });
  });

  test('many messages, more than are remembered one by one', async () => {
    const { servers, proxy, join } = await start();
    const client = await join();
    await client.emitWithAck('go:join', 'room');
    const heard = hear<number>(client, 'count');
    let said = 0;
    for (let round = 0; round < 3; round++) {
      // Each has 2 s at the store: of all at once the last would wait for long, on a busy machine.
      for (let batch = 0; batch < 11; batch++) {
        const results = await Promise.all(upTo(100).map(() => servers[0].push.toRoom('room', 'count', said++)));
        expect(results.filter(({ ok }) => !ok)).toEqual([]);
      }
      await heard.count(said);
      expect(await cutAndReturn(client, proxy)).toBe(true);
    }
    expect([...(await heard.count(said))].sort((a, b) => a - b)).toEqual(upTo(said));
  });

  test('all clients of a push-server come back at once', async () => {
    const { servers } = await start();
    const count = full ? 500 : 100;
    const clients = await Promise.all(upTo(count).map((index) => connectTo(servers[0], `user-${index}`, comesBack)));
    await Promise.all(clients.map((client) => client.emitWithAck('go:join', ['a', 'b'])));
    const heard = clients.map((client) => hear<number>(client, 'count'));
    const back = clients.map((client) => nextEvent(client, 'connect'));
    const say = async (from: number, to: number): Promise<void> => {
      for (let number = from; number < to; number++)
        await servers[1].push.toRoom('ab'.charAt(number % 2), 'count', number);
    };
    await say(0, 10);
    for (const client of clients) client.io.engine.close();
    for (const client of clients) client.connect();
    await say(10, 20);
    await Promise.all(back);
    expect(clients.filter(({ recovered }) => recovered)).toHaveLength(count);
    await Promise.all(heard.map((one) => one.count(20)));
    for (const { all } of heard) expect([...all].sort((a, b) => a - b)).toEqual(upTo(20));
  });
});
