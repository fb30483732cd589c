import { type EventEmitter, once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, type Socket as Connection, connect } from 'node:net';
import { types } from 'node:util';
import fc from 'fast-check';
import { Server, type ServerOptions, type Socket as ServerSocket } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { anyCharacter } from '../../../test/support/any-character.ts';
import { connectClient, nextEvent, openClient, type Transport } from '../../../test/support/socket-io.ts';
import {
  connectionOf,
  emitLocal,
  engineOf,
  insideOfClient,
  type SlimOptions,
  slimSocketIo,
  watchQueues,
  webSocketOf,
} from '../src/index.ts';
import { forgetConnection } from '../src/memory/forget-connection.ts';

async function startServer(slim: SlimOptions | undefined, options: Partial<ServerOptions> = {}) {
  const http = createServer();
  const io = new Server(http, options);
  if (slim !== undefined) slimSocketIo(io, slim);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => io.close());
  return { io, port: (http.address() as AddressInfo).port };
}

type Running = Awaited<ReturnType<typeof startServer>>;

/** A client and its server side. */
async function join({ io, port }: Running, transport: Transport, options = {}) {
  const arrived = new Promise<ServerSocket>((resolve) => io.once('connection', resolve));
  const client = await connectClient(`http://127.0.0.1:${port}`, transport, options);
  return { client, socket: await arrived };
}

/** All a client hears; what it is asked it answers. */
function listen(client: Socket): { heard: unknown[][]; ended: Promise<unknown> } {
  const heard: unknown[][] = [];
  client.onAny((...args) => {
    if (typeof args.at(-1) === 'function') args.pop()(`${args.length} for ${args[0]}`);
    heard.push(args);
  });
  return { heard, ended: nextEvent(client, 'end') };
}

const rooms = ['a', 'b', 'c'];
const content = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: anyCharacter }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 70_000 }).map((length) => 'ü'.repeat(length)),
);
const step = fc.record({
  how: fc.constantFrom('local', 'local', 'io', 'socket', 'ask', 'pause'),
  rooms: fc.subarray(rooms),
  except: fc.subarray(rooms),
  client: fc.nat(),
  args: fc.array(content, { maxLength: 2 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play({ io }: Running, sockets: readonly ServerSocket[], steps: readonly Step[]): Promise<unknown[]> {
  const answers: Promise<unknown>[] = [];
  for (const [at, { how, rooms: to, except, client, args }] of steps.entries()) {
    const socket = sockets[client % sockets.length];
    if (how === 'local') emitLocal(io.of('/'), to, except, [`e${at}`, ...args]);
    if (how === 'io')
      io.to(to)
        .except(except)
        .emit(`e${at}`, ...args);
    if (how === 'socket') socket?.emit(`e${at}`, ...args);
    if (how === 'ask') answers.push(Promise.resolve(socket?.emitWithAck(`e${at}`, ...args)));
    if (how === 'pause') await new Promise(setImmediate);
  }
  io.emit('end');
  return Promise.all(answers);
}

test('a client that is idle keeps nothing of what was read from it', async () => {
  const { client, socket } = await join(await startServer({}), 'websocket');
  for (const text of ['a', 'b'.repeat(70_000)]) {
    const said = new Promise((resolve) => socket.once('said', resolve));
    client.emit('said', text);
    expect(await said).toBe(text);
    const receiver = webSocketOf(connectionOf(socket))?._receiver;
    expect([receiver?._mask, receiver?._buffers, receiver?._fragments]).toEqual([undefined, [], []]);
  }
});

test.each([
  ['plain', {}, {}, 60],
  ['compressed', {}, { perMessageDeflate: { threshold: 0 } }, 60],
  ['without less memory', { memory: false }, {}, 20],
  ['without faster writing', { speed: false }, {}, 20],
  ['without either', { memory: false, speed: false }, {}, 20],
] as const)(
  'every client gets what stock Socket.IO gives it, in the same order: %s',
  async (_, slim, options, numRuns) => {
    const transports: Transport[] = ['websocket', 'websocket', 'polling', 'upgrade'];
    const sides = await Promise.all(
      [slim, undefined].map(async (replaced) => {
        const server = await startServer(replaced, options);
        const clients: { client: Socket; socket: ServerSocket }[] = [];
        for (const [at, transport] of transports.entries()) {
          const joined = await join(server, transport);
          // The first is in one room, the second in two, and so on.
          await joined.socket.join(rooms.slice(0, at));
          clients.push(joined);
        }
        return { server, clients };
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const [ours, stock] = await Promise.all(
          sides.map(async ({ server, clients }) => {
            const logs = clients.map(({ client }) => listen(client));
            const answers = await play(
              server,
              clients.map(({ socket }) => socket),
              steps,
            );
            await Promise.all(logs.map(({ ended }) => ended));
            for (const { client } of clients) client.offAny();
            return { answers, heard: logs.map(({ heard }) => heard) };
          }),
        );
        expect(ours).toEqual(stock);
      }),
      { numRuns },
    );
  },
);

test('what is emitted while a client changes from polling to WebSocket comes once and in order', async () => {
  const server = await startServer({});
  const client = openClient(`http://127.0.0.1:${server.port}`, 'upgrade');
  const { heard, ended } = listen(client);
  const [socket] = (await once(server.io, 'connection')) as [ServerSocket];
  let sent = 0;
  let upgraded = false;
  socket.conn.once('upgrade', () => {
    upgraded = true;
  });
  const last = () => upgraded && socket.conn.transport.name === 'websocket';
  for (let after = 0; after < 20; after += last() ? 1 : 0) {
    emitLocal(server.io.of('/'), [], [], ['n', sent++]);
    socket.emit('n', sent++);
    await new Promise(setImmediate);
  }
  server.io.emit('end');
  await ended;
  expect(heard).toEqual([...Array.from({ length: sent }, (_, n) => ['n', n]), ['end']]);
});

/** Counts what is written to descriptors meanwhile. */
function countWrites(): { count: number } {
  const { writeSync } = fs;
  const writes = { count: 0 };
  Object.assign(fs, {
    writeSync: (...args: Parameters<typeof writeSync>) => {
      writes.count++;
      return writeSync(...args);
    },
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fs, { writeSync });
    syncBuiltinESMExports();
  });
  return writes;
}

test('what one tick has for a client leaves in one write, at the end of that tick', async () => {
  const server = await startServer({});
  const { client, socket } = await join(server, 'websocket');
  const { heard, ended } = listen(client);
  const writes = countWrites();
  emitLocal(server.io.of('/'), [], [], ['one']);
  socket.emit('two');
  server.io.emit('three');
  socket.emit('end', Buffer.from('four'));
  expect(writes.count).toBe(0);
  const { bufferedAmount } = (socket.conn.transport as unknown as { socket: { bufferedAmount: number } }).socket;
  expect(bufferedAmount).toBeGreaterThan(30);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(writes.count).toBe(1);
  await ended;
  expect(heard.map(([event]) => event)).toEqual(['one', 'two', 'three', 'end']);
});

/** A client that shakes hands and reads no more. */
async function joinDeaf({ io, port }: Running): Promise<{ connection: Connection; socket: ServerSocket }> {
  const connection = connect(port, '127.0.0.1');
  onTestFinished(() => void connection.destroy());
  connection.write(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(connection, 'data');
  connection.pause();
  const arrived = new Promise<ServerSocket>((resolve) => io.once('connection', resolve));
  connection.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
  return { connection, socket: await arrived };
}

test('a client that does not read is waited for as ever, and others do not notice', async () => {
  const server = await startServer({});
  const { connection, socket: deaf } = await joinDeaf(server);
  const { client } = await join(server, 'websocket');
  const { heard, ended } = listen(client);
  const text = 'x'.repeat(20_000);
  for (let n = 0; n < 1_000; n++) {
    emitLocal(server.io.of('/'), [], [], ['n', n, text]);
    await new Promise(setImmediate);
  }
  const { transport } = deaf.conn as unknown as {
    transport: { writable: boolean; socket: { bufferedAmount: number; _socket: Connection } };
  };
  // Its events wait in Engine.IO's queue, where those of other transports wait; the connection itself holds a few.
  expect(transport.writable).toBe(false);
  expect(transport.socket.bufferedAmount).toBeGreaterThan(0);
  expect(transport.socket.bufferedAmount).toBeLessThan(500_000);
  server.io.emit('end');
  await ended;
  expect(heard.slice(0, -1).map(([, n]) => n)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  // It reads again, and finds everything in order.
  const chunks: string[] = [];
  const all = new Promise<void>((resolve) => {
    connection.on('data', (chunk: Buffer) => {
      chunks.push(chunk.toString('latin1'));
      if (chunks.slice(-2).join('').endsWith('["end"]')) resolve();
    });
  });
  connection.resume();
  await all;
  expect([...chunks.join('').matchAll(/\["n",(\d+),/g)].map(([, n]) => Number(n))).toEqual(
    Array.from({ length: 1_000 }, (_, n) => n),
  );
});

test.each([
  ['with everything replaced', {}],
  ['without less memory', { memory: false }],
  ['without faster writing', { speed: false }],
])('messages and the queue of a client that does not read are counted: %s', async (_, slim) => {
  const server = await startServer(slim);
  const heard: string[] = [];
  let messages = 0;
  const full = new Promise<void>((resolve) => {
    watchQueues(server.io, {
      limit: 2_000_000,
      onMessage: () => messages++,
      onSlow: (_connection, isSlow) => heard.push(isSlow ? 'slow' : 'fast'),
      onFull() {
        heard.push('full');
        resolve();
      },
      onFlood: () => heard.push('flood'),
    });
  });
  const { connection, socket } = await joinDeaf(server);
  const before = messages;
  let sent = 0;
  const text = 'x'.repeat(20_000);
  const queued = (): number => (socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
  while (!heard.includes('slow')) {
    socket.emit('n', text);
    sent++;
    await new Promise(setImmediate);
  }
  expect(messages - before).toBe(sent);
  // It reads again, and is no longer slow.
  connection.resume();
  while (!heard.includes('fast')) await new Promise(setImmediate);
  expect(heard).toEqual(['slow', 'fast']);
  connection.pause();
  while (!heard.includes('full')) {
    socket.emit('n', text);
    await new Promise(setImmediate);
  }
  await full;
  // The system may take more once or twice while its buffers grow (seen with Node 24): then it is fast again for a moment.
  expect(heard.join(' ')).toMatch(/^slow fast (slow fast )*slow full$/);
  expect(queued()).toBeGreaterThan(0);
});

test('what sends again whenever it is told to go on does not fill the stack', async () => {
  const server = await startServer({});
  const { client, socket } = await join(server, 'websocket');
  const { heard, ended } = listen(client);
  const { conn } = socket;
  let left = 50_000;
  conn.on('drain', () => {
    if (left > 0) socket.emit('n', left--);
    else if (left-- === 0) socket.emit('end');
  });
  socket.emit('n', left--);
  await ended;
  expect(heard).toHaveLength(50_001);
});

test.each(['packetCreate', 'flush', 'drain'])('a program that listens to %s of a connection is told', async (event) => {
  const server = await startServer({});
  const { client, socket } = await join(server, 'websocket');
  const { ended } = listen(client);
  let told = 0;
  const listener = (): void => void told++;
  for (const emit of [() => socket.emit('n'), () => server.io.emit('n')]) {
    emit();
    expect(told).toBe(0);
    socket.conn.on(event as 'drain', listener);
    emit();
    expect(told).toBe(1);
    socket.conn.off(event, listener);
    told = 0;
  }
  server.io.emit('end');
  await ended;
});

test('what is written to a connection that holds it back comes when it does no longer, in order', async () => {
  const server = await startServer({});
  const { client, socket } = await join(server, 'websocket');
  const { heard, ended } = listen(client);
  const connection = connectionOf(socket);
  const { flush } = connection;
  connection.flush = () => {};
  socket.emit('text');
  socket.emit('bytes', Buffer.from('bytes'));
  server.io.emit('to all');
  emitLocal(server.io.of('/'), [], [], ['to all here']);
  expect(connection.writeBuffer).toHaveLength(5);
  connection.flush = flush;
  connection.flush();
  server.io.emit('end');
  await ended;
  expect(heard.map(([name]) => name)).toEqual(['text', 'bytes', 'to all', 'to all here', 'end']);
});

test.each(['disconnect', 'destroy', 'reset'])('a socket may close in the middle of a tick: %s', async (how) => {
  const server = await startServer({});
  const { client: leaving, socket } = await join(server, 'websocket');
  const { client } = await join(server, 'websocket');
  const { ended } = listen(client);
  const goodbye = nextEvent(leaving, 'goodbye');
  const gone = nextEvent(leaving, 'disconnect');
  const connection = (socket.conn.transport as unknown as { socket: { _socket: Connection } }).socket._socket;
  emitLocal(server.io.of('/'), [], [], ['goodbye', 1]);
  if (how === 'disconnect') socket.disconnect(true);
  if (how === 'destroy') connection.destroy();
  if (how === 'reset') connection.resetAndDestroy();
  emitLocal(server.io.of('/'), [], [], ['too late']);
  server.io.emit('end');
  await Promise.all([ended, gone]);
  // What was said before a proper goodbye is heard.
  if (how === 'disconnect') expect(await goodbye).toBe(1);
});

test('what middlewares and handlers ask of a request is still there', async () => {
  const server = await startServer({});
  server.io.engine.use((request: object, _: unknown, next: () => void) => {
    Object.assign(request, { session: 'mine' });
    next();
  });
  const { socket } = await join(server, 'websocket', { query: { user: 'ann' }, extraHeaders: { 'x-own': 'yes' } });
  expect(socket.request).toMatchObject({ method: 'GET', session: 'mine', headers: { 'x-own': 'yes' } });
  expect(socket.handshake).toMatchObject({ secure: false, query: { user: 'ann' }, headers: { 'x-own': 'yes' } });
  expect(socket.request.url).toContain('user=ann');
});

/** What of Socket.IO, Engine.IO and `ws` is replaced, by what each has for itself. */
function partsOf({ conn, client, ...socket }: ServerSocket) {
  const { transport } = conn as unknown as {
    transport: EventEmitter & { socket: EventEmitter & { _receiver: EventEmitter } };
  };
  const { ondata, sockets, nsps } = client as unknown as Record<string, unknown>;
  const { acks } = socket as unknown as { acks: unknown };
  return {
    functions: [
      ondata,
      ...['packet', 'ready', 'drain', 'close', 'error'].flatMap((event) => transport.listeners(event)),
    ],
    ofWebSocket: ['message', 'close', 'error'].flatMap((event) => transport.socket.listeners(event)),
    maps: [sockets, nsps, acks],
  };
}

test('Socket.IO, Engine.IO and ws are as they were when what they keep for a client was replaced', async () => {
  const server = await startServer({});
  const one = partsOf((await join(server, 'websocket')).socket);
  const other = partsOf((await join(server, 'websocket')).socket);
  // Nothing but these: a new listener of theirs would be lost.
  expect([one.functions.length, one.ofWebSocket.length]).toEqual([6, 3]);
  expect(other.functions).toEqual(one.functions);
  expect(other.ofWebSocket).toEqual(one.ofWebSocket);
  for (const map of one.maps) expect(map).not.toBeInstanceOf(Map);
  for (const map of one.maps) expect(Object.prototype.toString.call(map)).toBe('[object Map]');
});

test.each(['websocket', 'polling', 'upgrade'] as const)('a client that leaves is forgotten: %s', async (transport) => {
  const server = await startServer({});
  const { client, socket } = await join(server, transport);
  const { conn } = socket;
  const left = once(socket, 'disconnect');
  client.disconnect();
  expect((await left)[0]).toBe('client namespace disconnect');
  if (conn.readyState !== 'closed') await once(conn as unknown as EventEmitter, 'close');
  expect(server.io.engine.clientsCount).toBe(0);
  expect(server.io.of('/').sockets.size).toBe(0);
  expect((conn as unknown as EventEmitter).listenerCount('data')).toBe(0);
});

test.each([true, false])(
  'what a program asks of a socket and of the rooms is as ever: { memory: %s }',
  async (memory) => {
    const server = await startServer({ memory });
    const seen: unknown[] = [];
    server.io.use((socket, next) => {
      socket.data.user = 'ann';
      const { handshake } = socket;
      seen.push(Object.keys(handshake), handshake.auth, { ...handshake }.time === `${new Date(handshake.issued)}`);
      next();
    });
    const first = await join(server, 'websocket');
    const { socket } = await join(server, 'websocket', { auth: { token: 'a' } });
    const { adapter } = socket.nsp;
    const heard: unknown[] = [];
    for (const event of ['create-room', 'join-room', 'leave-room', 'delete-room'] as const) {
      adapter.on(event, (...args) => heard.push([event, ...args.map((arg) => (arg === socket.id ? 'id' : arg))]));
    }
    expect([...(adapter.rooms.get(socket.id) ?? [])]).toEqual([socket.id]);
    void socket.join(['a', 'b']);
    void first.socket.join('a');
    const { rooms } = socket;
    expect(rooms).toEqual(new Set([socket.id, 'a', 'b']));
    expect([types.isSet(rooms), socket.rooms === rooms]).toEqual([true, true]);
    void socket.join('c');
    void socket.leave('b');
    expect([...rooms]).toEqual([socket.id, 'a', 'c']);
    expect([adapter.rooms.get('a')?.size, adapter.rooms.get('b'), adapter.sids.get(socket.id)]).toEqual([
      2,
      undefined,
      rooms,
    ]);
    const got = Promise.all([nextEvent(first.client, 'x'), first.client]);
    server.io.to('a').except('c').emit('x', 1);
    await got;
    expect((await server.io.in('c').fetchSockets()).map(({ id, data }) => [id, data])).toEqual([
      [socket.id, { user: 'ann' }],
    ]);
    const ended = once(socket, 'disconnect');
    server.io.in('c').disconnectSockets(true);
    await ended;
    expect([adapter.rooms.has('c'), adapter.rooms.has(socket.id), adapter.sids.size]).toEqual([false, false, 1]);
    expect(heard).toEqual([
      ['create-room', 'a'],
      ['join-room', 'a', 'id'],
      ['create-room', 'b'],
      ['join-room', 'b', 'id'],
      ['join-room', 'a', first.socket.id],
      ['create-room', 'c'],
      ['join-room', 'c', 'id'],
      ['leave-room', 'b', 'id'],
      ['delete-room', 'b'],
      ['leave-room', 'id', 'id'],
      ['delete-room', 'id'],
      ['leave-room', 'a', 'id'],
      ['leave-room', 'c', 'id'],
      ['delete-room', 'c'],
    ]);
    const names = ['headers', 'time', 'address', 'xdomain', 'secure', 'issued', 'url', 'query', 'auth'];
    expect(seen).toEqual([names, {}, true, names, { token: 'a' }, true]);
  },
);

test('what all clients share ends for each of them alone', async () => {
  const server = await startServer({});
  const { socket: one } = await join(server, 'websocket');
  const { socket: other, client } = await join(server, 'websocket');
  const [gone, stays] = [one, other].map(insideOfClient);
  const { decoder } = gone as unknown as { readonly decoder: { add(packet: string): void; _callbacks: unknown } };
  expect(decoder._callbacks).toBe(stays?.decoder._callbacks);
  // The function with which Engine.IO forgets a connection is replaced: this version has it as we know it.
  const conn = connectionOf(one);
  expect((conn as unknown as EventEmitter).listeners('close')).toContain(forgetConnection);
  const heard: string[] = [];
  one.onAny((event) => heard.push(event));
  const decoded = vi.spyOn(Object.getPrototypeOf(gone), 'ondecoded');
  onTestFinished(() => decoded.mockRestore());
  decoder.add('2["before"]');
  await new Promise(setImmediate);
  const engine = engineOf(server.io);
  one.disconnect(true);
  decoder.add('2["after"]');
  await new Promise(setImmediate);
  expect(decoded).toHaveBeenCalledTimes(1);
  expect([heard, engine.clientsCount, Object.keys(engine.clients)]).toEqual([['before'], 1, [connectionOf(other).id]]);
  const got = once(other, 'x');
  client.emit('x', 1);
  expect(await got).toEqual([1]);
});

test('a WebSocket that breaks ends its connection once, with a reason', async () => {
  const server = await startServer({});
  const { socket } = await join(server, 'websocket');
  const reasons: unknown[] = [];
  socket.conn.on('close', (reason) => reasons.push(reason));
  const gone = once(socket, 'disconnect');
  const { socket: ws } = socket.conn.transport as unknown as { socket: EventEmitter & { terminate(): void } };
  ws.emit('error', new Error('no such frame'));
  expect((await gone)[0]).toBe('transport error');
  ws.terminate();
  await new Promise(setImmediate);
  expect(reasons).toEqual(['transport error']);
});

test('what is no packet ends its connection, and so does a second CONNECT, as with stock Socket.IO', async () => {
  for (const nonsense of ['42["x",', '40']) {
    const server = await startServer({});
    const { connection, socket } = await joinDeaf(server);
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    const bytes = Buffer.from(nonsense);
    connection.write(Buffer.concat([Buffer.from([0x81, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]));
    connection.resume();
    expect(await gone).toMatch(/^forced (server )?close$/);
    expect(server.io.of('/').sockets.size).toBe(0);
  }
});

test('a client that has caught up after thousands of writes costs nothing more', async () => {
  const server = await startServer({});
  const { connection, socket } = await joinDeaf(server);
  const { transport } = socket.conn as unknown as {
    transport: EventEmitter & { socket: { bufferedAmount: number; ping(payload: Buffer): void } };
  };
  // Past Engine.IO's queue: each of these waits by itself.
  while (transport.socket.bufferedAmount === 0) {
    transport.socket.ping(Buffer.alloc(100));
    await new Promise(setImmediate);
  }
  for (let n = 0; n < 3_000; n++) transport.socket.ping(Buffer.alloc(100));
  let told = 0;
  transport.on('ready', () => told++);
  connection.resume();
  while (transport.socket.bufferedAmount > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  expect(told).toBeLessThan(5);
});
