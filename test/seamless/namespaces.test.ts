import type { PushServer } from '@gopush/push-server';
import type { Store } from '@gopush/store';
import type { Namespace } from 'socket.io';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startTestAgent as startLoggingAgent } from '../../packages/agent/test/support/agent.ts';
import { keyOfPid, keyOfToken, readPointer } from '../../packages/push-server/src/stored-session/session-pointers.ts';
import { decodeSession } from '../../packages/push-server/src/stored-session/session-record.ts';
import { believing } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { startNodes } from '../support/nodes.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';
import { startWire } from '../support/wire.ts';

const slow = { drainMs: 5_000 };

async function startAgentTo(port: number) {
  let to = port;
  const { logger, lines } = createMemoryLog();
  const agent = await startLoggingAgent(
    { agent: believing, router: { default: () => [{ ip: '127.0.0.1', port: to }] } },
    { agent: { drainMs: 200 } },
    logger,
  );
  return {
    url: agent.url,
    route: (port: number) => {
      to = port;
    },
    moves: () => lines.filter(({ message }) => /^session (migrated|failed over)$/.test(String(message))).length,
    fallbacks: () => lines.filter(({ message }) => /could not migrate or fail over/.test(message)),
  };
}

/** Enters one more namespace over the connection of a client. */
async function enter(client: Socket, name: string, auth?: object): Promise<Socket> {
  const socket = client.io.socket(name, auth === undefined ? {} : { auth });
  onTestFinished(() => void socket.disconnect());
  socket.connect();
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  return socket;
}

/** What a client notices in one namespace, from now on. */
function notice(socket: Socket) {
  const { id } = socket;
  const seen = { connects: 0, ends: [] as string[], errors: [] as string[], greetings: [] as unknown[] };
  socket.on('connect', () => seen.connects++);
  socket.on('disconnect', (reason) => seen.ends.push(reason));
  socket.on('connect_error', (error) => seen.errors.push(error.message));
  socket.on('greeting', (...args: unknown[]) =>
    seen.greetings.push(args.filter((arg) => !/^[0-9a-f]{12}[.]\d+~$/.test(String(arg)))),
  );
  return {
    seen,
    /** @param greetings - which there have been, in order */
    expectUndisturbed(greetings: readonly unknown[]) {
      expect({ ...seen, id: socket.id }).toEqual({ connects: 0, ends: [], errors: [], greetings, id });
    },
  };
}

let rooms = 0;

/** Resolves when the session of a client is stored, as the ack of `go:join` tells: after a crash before that its client would begin anew. */
const stored = (client: Socket) => client.emitWithAck('go:join', `room-${rooms++}`);

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Namespaces of every kind, which greet on connection and answer `ask` after a time. */
function serveAll({ io }: PushServer, name: string): void {
  const serve = (namespace: Pick<Namespace, 'on'>): void => {
    namespace.on('connection', (socket) => {
      socket.emit('greeting', name, socket.nsp.name, Buffer.from(name));
      socket.emit('greeting', `${name} again`, socket.nsp.name);
      socket.on('ask', async (ms: number, answer: (...values: unknown[]) => void) => {
        await wait(ms);
        answer(name, socket.handshake.auth, Buffer.from(socket.nsp.name));
      });
    });
  };
  serve(io.of('/'));
  serve(io.of('/admin'));
  serve(io.of('/late').use((_socket, next) => void wait(120).then(() => next())));
  serve(io.of(/^\/pattern-\d+$/).use((_socket, next) => void wait(40).then(() => next())));
  serve(
    io.of((named, _auth, next) => {
      if (!named.startsWith('/function-')) return next(null, false);
      setTimeout(() => next(null, true), 60);
    }),
  );
}

const all = ['/admin', '/late', '/pattern-1', '/function-a'];
const greetingsOf = (name: string, namespace: string): unknown[] => [
  [name, namespace, Buffer.from(name)],
  [`${name} again`, namespace],
];

async function start() {
  const nodes = await startNodes('embedded store');
  const store = await nodes.openStore();
  let count = 0;
  return async (pushServer = {}, serve = serveAll) => {
    const server = await nodes.start({ ...slow, ...pushServer });
    const name = `server ${count++}`;
    serve(server, name);
    const wire = await startWire(server.port);
    return { server, name, wire, namespacesInStore: () => namespacesInStore(store, server) };
  };
}

/** The namespaces of the only session of a push-server, as the store has it. */
async function namespacesInStore({ sessions }: Store, { io }: PushServer): Promise<string[]> {
  const [socket] = io.sockets.sockets.values();
  const pid = (socket as unknown as { pid?: string } | undefined)?.pid ?? '';
  const pointer = await sessions.read(keyOfPid(pid));
  const token = pointer && readPointer(pointer);
  const bytes = token === undefined ? undefined : await sessions.read(keyOfToken(token));
  return (bytes ? (decodeSession(bytes)?.sockets ?? []) : []).map(({ namespace }) => namespace).toSorted();
}

describe.each(['planned', 'crash'] as const)('several namespaces over a restart: %s', (how) => {
  test('greetings come once, nothing connects or disconnects, and events with binary parts are answered, twice in a row', async () => {
    const startServer = await start();
    let old = await startServer();
    const agent = await startAgentTo(old.wire.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const sockets = [client];
    for (const name of all) sockets.push(await enter(client, name, { token: name }));
    const noticed = sockets.map(notice);
    const names: string[] = [];
    for (let round = 1; round <= 2; round++) {
      const fresh = await startServer();
      agent.route(fresh.wire.port);
      names.push(fresh.name);
      await stored(client);
      const closing = how === 'planned' ? old.server.close() : Promise.resolve(old.wire.crash());
      await expect.poll(agent.moves, { timeout: 10_000 }).toBe(round);
      const answers = await Promise.all(sockets.map((socket) => socket.timeout(5_000).emitWithAck('ask', 1)));
      expect(answers).toEqual(sockets.map(() => fresh.name));
      await closing;
      old = fresh;
    }
    for (const [index, one] of noticed.entries()) {
      const namespace = ['/', ...all][index] as string;
      await expect.poll(() => one.seen.greetings.length).toBe(4);
      one.expectUndisturbed(names.flatMap((name) => greetingsOf(name, namespace)));
    }
    expect(agent.fallbacks()).toEqual([]);
  });

  test('a namespace that was left is not entered again, and one that was entered just before is', async () => {
    const startServer = await start();
    const old = await startServer();
    const agent = await startAgentTo(old.wire.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const admin = await enter(client, '/admin');
    const left = await enter(client, '/pattern-7');
    const gone = new Promise<void>((resolve) =>
      old.server.io
        .of('/pattern-7')
        .sockets.get(left.id as string)
        ?.once('disconnect', () => resolve()),
    );
    left.disconnect();
    await gone;
    const late = await enter(client, '/late');
    const fresh = await startServer();
    agent.route(fresh.wire.port);
    const noticed = [client, admin, late].map(notice);
    await stored(client);
    const closing = how === 'planned' ? old.server.close() : Promise.resolve(old.wire.crash());
    await expect.poll(agent.moves, { timeout: 10_000 }).toBe(1);
    await Promise.all([client, admin, late].map((socket) => socket.timeout(5_000).emitWithAck('ask', 1)));
    for (const { seen } of noticed) expect(seen).toMatchObject({ connects: 0, ends: [] });
    const { _nsps: namespaces } = fresh.server.io as unknown as { _nsps: Map<string, Namespace> };
    expect(namespaces.get('/pattern-7')?.sockets.size ?? 0).toBe(0);
    await closing;
  });

  test('a namespace whose middleware is slow at the next server keeps the others waiting for no time, and gets its events', async () => {
    const startServer = await start();
    const old = await startServer();
    const agent = await startAgentTo(old.wire.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const admin = await enter(client, '/admin');
    const noticed = [client, admin].map(notice);
    let open = (): void => {};
    const fresh = await startServer({}, (server, name) => {
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      server.io.of('/admin').use((_socket, next) => void opened.then(() => next()));
      serveAll(server, name);
    });
    agent.route(fresh.wire.port);
    await stored(client);
    const closing = how === 'planned' ? old.server.close() : Promise.resolve(old.wire.crash());
    await expect.poll(agent.moves, { timeout: 10_000 }).toBe(1);
    const asked = admin.timeout(5_000).emitWithAck('ask', 1);
    expect(await client.timeout(5_000).emitWithAck('ask', 1)).toBe(fresh.name);
    open();
    expect(await asked).toBe(fresh.name);
    for (const { seen } of noticed) expect(seen).toMatchObject({ connects: 0, ends: [] });
    await closing;
  });

  test('a namespace that refuses the client at the next server ends for it, alone; entering it again tells why', async () => {
    const startServer = await start();
    const old = await startServer();
    const agent = await startAgentTo(old.wire.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const admin = await enter(client, '/admin');
    const late = await enter(client, '/late');
    const [ofMain, ofAdmin, ofLate] = [client, admin, late].map(notice);
    const fresh = await startServer({}, (server, name) => {
      server.io.of('/admin').use((_socket, next) => void wait(20).then(() => next(new Error('no admins here'))));
      serveAll(server, name);
    });
    agent.route(fresh.wire.port);
    const ended = nextEvent(admin, 'disconnect');
    await stored(client);
    const closing = how === 'planned' ? old.server.close() : Promise.resolve(old.wire.crash());
    expect(await ended).toBe('io server disconnect');
    admin.connect();
    await expect.poll(() => ofAdmin?.seen.errors).toEqual(['no admins here']);
    await Promise.all([client, late].map((socket) => socket.timeout(5_000).emitWithAck('ask', 1)));
    for (const one of [ofMain, ofLate]) expect(one?.seen).toMatchObject({ connects: 0, ends: [], errors: [] });
    expect(agent.fallbacks()).toEqual([]);
    await closing;
  });
});

test('a client that leaves a namespace and enters it again in one go is in it, before, in and after a move', async () => {
  const startServer = await start();
  const old = await startServer();
  const agent = await startAgentTo(old.wire.port);
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  const admin = await enter(client, '/admin');
  const ofMain = notice(client);
  const again = async (): Promise<void> => {
    const back = new Promise<void>((resolve) => admin.once('connect', resolve));
    admin.disconnect().connect();
    await back;
  };
  for (let round = 0; round < 5; round++) await again();
  const fresh = await startServer();
  agent.route(fresh.wire.port);
  const closing = old.server.close();
  while (agent.moves() === 0) await again();
  await closing;
  for (let round = 0; round < 5; round++) await again();
  expect(await admin.timeout(5_000).emitWithAck('ask', 0)).toBe(fresh.name);
  expect(fresh.server.io.of('/admin').sockets.size).toBe(1);
  expect(ofMain.seen).toMatchObject({ connects: 0, ends: [] });
});

describe.each([
  ['with another one', ['/', '/admin', '/late']],
  ['into one more', ['/admin', '/late']],
])('a client that enters namespaces, %s', (_, names) => {
  test('is in each of them once although the answers got lost in a crash, or in two', async () => {
    const startServer = await start();
    let old = await startServer();
    const agent = await startAgentTo(old.wire.port);
    const client = openClient(agent.url, 'websocket', { query: { user: 'ann' }, autoConnect: false });
    await new Promise<void>((resolve) => client.io.once('open', resolve).open());
    if (!names.includes('/')) await new Promise<void>((resolve) => client.once('connect', resolve).connect());
    const sockets = names.map((name) => client.io.socket(name));
    const noticed = sockets.map((socket) => notice(socket).seen);
    let answered = old.wire.loseAnswers(names);
    for (const socket of sockets) socket.connect();
    for (let round = 1; round <= 2; round++) {
      await answered;
      // Its answers do not wait for the store for long.
      await expect.poll(old.namespacesInStore).toEqual([...new Set(['/', ...names])]);
      const fresh = await startServer();
      if (round === 1) answered = fresh.wire.loseAnswers(names);
      agent.route(fresh.wire.port);
      old.wire.crash();
      old = fresh;
    }
    const answers = await Promise.all(sockets.map((socket) => socket.timeout(5_000).emitWithAck('ask', 1)));
    expect(answers).toEqual(names.map(() => old.name));
    for (const seen of noticed) {
      expect(seen).toMatchObject({ connects: 1, ends: [], errors: [] });
      expect(seen.greetings.map((args) => (args as string[])[0])).toEqual([old.name, `${old.name} again`]);
    }
    expect(agent.fallbacks()).toEqual([]);
  });
});

test.each(['/', '/admin', '/pattern-1'])(
  'what programs send over a crash in %s comes once, with no further argument',
  async (name) => {
    const startServer = await start();
    const serve = (server: PushServer): void => {
      server.io.of('/admin').on('connection', (socket) => void socket.join('den'));
      server.io.of(/^\/pattern-\d+$/).on('connection', (socket) => void socket.join('den'));
      server.io.on('connection', (socket) => void socket.join('den'));
    };
    const [old, fresh] = [await startServer({}, serve), await startServer({}, serve)];
    const agent = await startAgentTo(old.wire.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const socket = name === '/' ? client : await enter(client, name);
    if (name === '/pattern-1')
      await enter(
        await connectClient((await startAgentTo(fresh.wire.port)).url, 'websocket', { query: { user: 'bob' } }),
        name,
      );
    const heard: unknown[][] = [];
    socket.on('n', (...args) => heard.push(args));
    const noticed = [client, socket].map(notice);
    let n = 0;
    const send = (server: PushServer): void => {
      const namespace = server.io.of(name);
      namespace.emit('n', n++);
      namespace.to('den').emit('n', n++);
      namespace.to(socket.id as string).emit('n', n++, { bytes: Buffer.from('bytes') });
      namespace.emit('n', n++, 'a.1~');
    };
    const numbers = (): unknown[] =>
      heard.map(([number]) => number).toSorted((one, other) => Number(one) - Number(other));
    const upTo = (): number[] => Array.from({ length: n }, (_, index) => index);
    for (let round = 0; round < 5; round++) for (const { server } of [old, fresh]) send(server);
    await expect.poll(numbers).toEqual(upTo());
    agent.route(fresh.wire.port);
    await stored(client);
    old.wire.crash();
    for (let round = 0; round < 5; round++) send(fresh.server);
    await expect.poll(agent.moves).toBe(1);
    for (let round = 0; round < 5; round++) send(fresh.server);
    await expect.poll(numbers).toEqual(upTo());
    const forms = [[], [], [{ bytes: Buffer.from('bytes') }], ['a.1~']];
    for (const [number, ...more] of heard) expect(more).toEqual(forms[(number as number) % 4]);
    for (const { seen } of noticed) expect(seen).toMatchObject({ connects: 0, ends: [] });
  },
);

test('an event that a handler of another namespace works at is answered before a planned restart', async () => {
  const startServer = await start();
  const old = await startServer();
  const agent = await startAgentTo(old.wire.port);
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  const sockets = await Promise.all(all.map((name) => enter(client, name)));
  const asked = sockets.map((socket) => socket.timeout(5_000).emitWithAck('ask', 400));
  await client.emitWithAck('ask', 0);
  const fresh = await startServer();
  agent.route(fresh.wire.port);
  await old.server.close();
  expect(await Promise.all(asked)).toEqual(sockets.map(() => old.name));
  await expect.poll(agent.moves).toBe(1);
});

test.each([
  ['before', 200],
  ['after', 60_000],
])('a client that enters a namespace while its session migrates is answered once, %s it left', async (_when, ms) => {
  const startServer = await start();
  const serve = (server: PushServer, name: string): void => {
    serveAll(server, name);
    // The first one is slow.
    server.io
      .of(/^\/slow-\d+$/)
      .use((_socket, next) => void (name === 'server 0' ? wait(ms) : wait(1)).then(() => next()))
      .on('connection', (socket) => socket.emit('greeting', name));
  };
  const old = await startServer({ answerMs: 500 }, serve);
  const agent = await startAgentTo(old.wire.port);
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  const noticed = notice(client);
  const entering = client.io.socket('/slow-1', { auth: { token: 'x' } });
  onTestFinished(() => void entering.disconnect());
  let connects = 0;
  entering.on('connect', () => connects++);
  const greeted = nextEvent(entering, 'greeting');
  entering.connect();
  await client.emitWithAck('ask', 0);
  const fresh = await startServer({}, serve);
  agent.route(fresh.wire.port);
  await old.server.close();
  const first = await greeted;
  expect(first).toBe(ms > 1_000 ? fresh.name : old.name);
  expect(await client.timeout(5_000).emitWithAck('ask', 0)).toBe(fresh.name);
  expect(connects).toBe(1);
  expect(noticed.seen).toMatchObject({ connects: 0, ends: [] });
});

test('a client that entered namespaces by long-polling migrates with all of them once it has a WebSocket', async () => {
  const startServer = await start();
  const old = await startServer();
  const agent = await startAgentTo(old.server.port);
  const client = openClient(agent.url, 'upgrade', { query: { user: 'ann' }, autoConnect: false });
  const sockets = ['/', ...all].map((name) => client.io.socket(name));
  const entered = sockets.map((socket) => new Promise((resolve) => socket.once('connect', () => resolve(undefined))));
  for (const socket of sockets) socket.connect();
  await Promise.all(entered);
  await expect.poll(() => client.io.engine.transport.name).toBe('websocket');
  const noticed = sockets.map(notice);
  const fresh = await startServer();
  agent.route(fresh.server.port);
  await old.server.close();
  expect(await Promise.all(sockets.map((socket) => socket.timeout(5_000).emitWithAck('ask', 0)))).toEqual(
    sockets.map(() => fresh.name),
  );
  for (const { seen } of noticed) expect(seen).toMatchObject({ connects: 0, ends: [] });
});
