import { stopClientPing } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestAgent as startLoggingAgent } from '../../packages/agent/test/support/agent.ts';
import { startRedis } from '../../packages/store/test/support/redis.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { handsOver } from '../support/hands-over.ts';
import { createMemoryLog } from '../support/log.ts';
import { describeNodes, hear, type TestNodes } from '../support/nodes.ts';
import { connectClient, nextEvent, openClient, type Transport } from '../support/socket-io.ts';
import { startWire } from '../support/wire.ts';

const slow = { drainMs: 5_000 };

/** An agent over targets that can be exchanged. */
const startAgentTo = (...first: number[]) => startHoldingAgentTo(undefined, ...first);

/** @param holdMs - how long it holds clients while no target takes their sessions; `undefined`: as long as by default */
async function startHoldingAgentTo(holdMs: number | undefined, ...first: number[]) {
  let ports = first;
  const { logger, lines, next } = createMemoryLog();
  const agent = await startLoggingAgent(
    { agent: believing, router: { default: () => ports.map((port) => ({ ip: '127.0.0.1', port })) } },
    { agent: { drainMs: 200 }, ...(holdMs === undefined ? {} : { seamless: { holdMs } }) },
    logger,
  );
  return {
    url: agent.url,
    lines,
    next,
    route: (...to: number[]) => {
      ports = to;
    },
    moves: () => lines.filter(({ message }) => /^session (migrated|failed over)$/.test(String(message))).length,
    fallbacks: () =>
      lines.filter(({ message }) => /could not migrate or fail over/.test(message)).map(({ fields }) => fields.cause),
  };
}

const join = (client: Socket, room = 'room') => client.emitWithAck('go:join', room);

/** Counts what a client may not notice. */
function undisturbed(client: Socket): () => void {
  const { id } = client;
  let disconnects = 0;
  client.on('disconnect', () => disconnects++);
  return () => expect({ disconnects, id: client.id }).toEqual({ disconnects: 0, id });
}

describeNodes('seamless', (startNodes) => {
  test('what handlers of the project gave a socket survives, in all namespaces; binary events and inbox come once', async () => {
    const nodes = await startNodes();
    const start = async (): Promise<PushServer> => {
      const server = await nodes.start(slow);
      const serve = (socket: Parameters<Parameters<typeof server.io.on>[1]>[0]): void => {
        socket.on('set', (value: unknown, done: (answer: unknown) => void) => {
          socket.data = { value };
          void socket.join('of handlers');
          done('set');
        });
        socket.on('get', (done: (answer: unknown) => void) => {
          done({ data: socket.data, rooms: [...socket.rooms].filter((room) => room === 'of handlers') });
        });
        socket.on('echo', (bytes: Buffer, done: (answer: unknown) => void) => done(bytes));
      };
      server.io.on('connection', serve);
      server.io.of('/other').on('connection', serve);
      return server;
    };
    const old = await start();
    const agent = await startAgentTo(old.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const other = client.io.socket('/other');
    onTestFinished(() => void other.disconnect());
    other.connect();
    await new Promise<void>((resolve) => other.once('connect', resolve));
    const checks = [undisturbed(client), undisturbed(other)];
    await join(client);
    await client.emitWithAck('set', 1);
    await other.emitWithAck('set', 2);
    const inbox: string[] = [];
    client.on('go:inbox', ({ message, id }: { message: string; id: string }, ack: (id: string) => void) => {
      inbox.push(message);
      ack(id);
    });
    const welcomes = hear(client, 'go:welcome');
    const fresh = await start();
    agent.route(fresh.port);
    let going = true;
    let echoes = 0;
    const echo = async (socket: Socket): Promise<void> => {
      for (let size = 1; going; size = (size % 50) + 1) {
        const sent = Buffer.alloc(size * 1_000, size);
        const got = (await socket.timeout(10_000).emitWithAck('echo', sent)) as Buffer;
        expect(Buffer.compare(Buffer.from(got), sent)).toBe(0);
        echoes++;
      }
    };
    const echoing = [echo(client), echo(other)];
    const said: string[] = [];
    const say = async (): Promise<void> => {
      for (let count = 0; going; count++) {
        said.push(`m${count}`);
        await fresh.push.toUser('ann', 'mail', `m${count}`, { deliver: 'store' });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const saying = say();
    await old.close();
    await expect.poll(agent.moves).toBe(1);
    const before = echoes;
    await expect.poll(() => echoes).toBeGreaterThan(before + 5);
    going = false;
    await Promise.all([...echoing, saying]);
    expect(await client.emitWithAck('get')).toEqual({ data: { value: 1 }, rooms: ['of handlers'] });
    expect(await other.emitWithAck('get')).toEqual({ data: { value: 2 }, rooms: ['of handlers'] });
    await expect.poll(() => new Set(inbox).size).toBe(said.length);
    expect(inbox).toEqual(said);
    expect(welcomes.all).toEqual([]);
    for (const check of checks) check();
  });

  test('a client that knows only a namespace of the project moves as well', async () => {
    const nodes = await startNodes();
    const start = async (): Promise<PushServer> => {
      const server = await nodes.start(slow);
      server.io.of('/own').on('connection', (socket) => {
        socket.on('who', (done: (answer: unknown) => void) => done(socket.data));
        socket.data ??= {};
        socket.data.from ??= server.port;
      });
      return server;
    };
    const old = await start();
    const agent = await startAgentTo(old.port);
    const client = await connectClient(`${agent.url}/own`, 'websocket', { query: { user: 'ann' } });
    const check = undisturbed(client);
    agent.route((await start()).port);
    await old.close();
    expect(await client.emitWithAck('who')).toEqual({ from: old.port });
    check();
  });

  test('nobody is seen to come or go, and 1 MB goes through whole, while push-servers restart twice in a row', async () => {
    const nodes = await startNodes();
    const settings = {
      ...slow,
      presenceEvents: true,
      maxMessageBytes: 2_000_000,
      graceMs: 0,
      history: { bytes: 64 * 1_048_576 },
    };
    let live = await nodes.start(settings);
    const watcher = await connectClient((await nodes.start(settings)).url, 'websocket', { query: { uid: 'watcher' } });
    await join(watcher);
    const agent = await startAgentTo(live.port);
    const presence = hear<{ uid: string }>(watcher, 'go:presence');
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await join(client);
    await expect.poll(() => presence.all.map(({ uid }) => uid)).toContain('ann');
    const changes = hear(watcher, 'go:presence');
    const check = undisturbed(client);
    const large = 'x'.repeat(1_000_000);
    let going = true;
    let sent = 0;
    const heard = hear<string>(watcher, 'big');
    const talk = async (): Promise<void> => {
      while (going) {
        const answer = await client.emitWithAck('go:publish', {
          room: 'room',
          event: 'big',
          message: `${sent++}${large}`,
        });
        expect(answer).toMatchObject({ ok: true });
      }
    };
    const talking = talk();
    for (let round = 0; round < 2; round++) {
      const old = live;
      live = await nodes.start(settings);
      agent.route(live.port);
      await old.close();
    }
    going = false;
    await talking;
    await heard.count(sent);
    expect(heard.all.map((message) => Number.parseInt(message, 10))).toEqual(
      Array.from({ length: sent }, (_, index) => index),
    );
    expect(agent.moves()).toBe(2);
    expect(changes.all).toEqual([]);
    check();
  });

  test('a push-server dies between asking and handing over, and the next one while it takes over', async () => {
    const nodes = await startNodes();
    const old = await nodes.start(slow);
    const wire = await startWire(old.port);
    const speaker = await nodes.start();
    const agent = await startAgentTo(wire.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await join(client);
    const check = undisturbed(client);
    const heard = hear<number>(client, 'count');
    for (let number = 0; number < 5; number++) await speaker.push.toRoom('room', 'count', number);
    await heard.count(5);
    // Its handler never answers, so that the old one waits, with its client stopped.
    old.io.on('connection', () => {});
    for (const socket of old.io.sockets.sockets.values()) socket.on('never', () => {});
    client.emit('never', () => {});
    await client.emitWithAck('go:presence', { room: 'room' });
    const second = await nodes.start(slow);
    const secondWire = await startWire(second.port);
    const third = await nodes.start(slow);
    agent.route(secondWire.port);
    second.io.engine.once('connection', () => secondWire.crash());
    const asked = wire.whenSent(stopClientPing);
    const closing = old.close();
    await asked;
    wire.crash();
    await expect.poll(() => second.io.engine.clientsCount).toBe(1);
    agent.route(third.port);
    for (let number = 5; number < 10; number++) await speaker.push.toRoom('room', 'count', number);
    await heard.count(10);
    await client.emitWithAck('go:presence', { room: 'room' });
    expect(heard.all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(agent.fallbacks()).toEqual([]);
    check();
    await closing;
  });

  test('a handler that outlives its time does not hold up the move', async () => {
    const nodes = await startNodes();
    const old = await nodes.start({ ...slow, answerMs: 50 });
    old.io.on('connection', (socket) => socket.on('never', () => {}));
    const agent = await startAgentTo(old.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    const check = undisturbed(client);
    await join(client);
    const lost = client.timeout(2_000).emitWithAck('never').then(String, String);
    await client.emitWithAck('go:presence', { room: 'room' });
    agent.route((await nodes.start(slow)).port);
    await old.close();
    expect(await client.emitWithAck('go:presence', { room: 'room' })).toMatchObject({ ok: true });
    expect(await lost).toMatch(/timed out/);
    check();
  });

  test('one that is about to stop as well takes nothing over, and hands on what has just come', async () => {
    const nodes = await startNodes();
    const [one, two, three] = [await nodes.start(slow), await nodes.start(slow), await nodes.start(slow)];
    const agent = await startAgentTo(one.port, two.port);
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, index) => connectClient(agent.url, 'websocket', { query: { user: `u${index}` } })),
    );
    await Promise.all(clients.map((client) => join(client)));
    const checks = clients.map(undisturbed);
    agent.route(one.port, two.port, three.port);
    await Promise.all([one.close(), two.close()]);
    const answers = await Promise.all(clients.map((client) => client.emitWithAck('go:leave', 'none')));
    expect(answers.map(({ count }) => count)).toEqual(clients.map(() => 1));
    expect(agent.fallbacks()).toEqual([]);
    for (const check of checks) check();
  });

  test('a client hears a ping with each move: however often it is moved, it does not take its server for gone', async () => {
    const nodes = await startNodes();
    let old = await nodes.start(slow);
    const agent = await startAgentTo(old.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await join(client);
    const check = undisturbed(client);
    for (let move = 0; move < 2; move++) {
      const fresh = await nodes.start(slow);
      agent.route(fresh.port);
      const pinged = new Promise((resolve) => client.io.once('ping', () => resolve('pinged')));
      await old.close();
      expect(await pinged).toBe('pinged');
      old = fresh;
    }
    expect(await client.emitWithAck('go:leave', 'none')).toMatchObject({ count: 1 });
    check();
  });

  test('the only target comes back at its own port', async () => {
    const nodes = await startNodes();
    const old = await nodes.start(slow);
    const agent = await startAgentTo(old.port);
    const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
    await join(client);
    const check = undisturbed(client);
    await old.close();
    const asked = client.emitWithAck('go:leave', 'none');
    await startAt(nodes, old.port);
    expect(await asked).toMatchObject({ ok: true, count: 1 });
    check();
  });

  test.each(['polling', 'compressed'] as const)(
    'a %s client reconnects elsewhere, is recovered, and misses nothing',
    async (kind) => {
      const nodes = await startNodes();
      const old = await nodes.start({ drainMs: 300 });
      if (kind === 'compressed') {
        // As a hook of the project may set it.
        const { ws } = old.io.engine as unknown as { ws: { options: object } };
        Object.assign(ws.options, { perMessageDeflate: { threshold: 0 } });
      }
      const fresh = await nodes.start();
      const agent = await startAgentTo(old.port);
      const transport: Transport = kind === 'polling' ? 'polling' : 'websocket';
      const client = await connectClient(agent.url, transport, {
        query: { user: 'ann' },
        reconnection: true,
        reconnectionDelay: 10,
        reconnectionDelayMax: 50,
      });
      await join(client);
      const { id } = client;
      const heard = hear<number>(client, 'count');
      for (let number = 0; number < 5; number++) await fresh.push.toRoom('room', 'count', number);
      await heard.count(5);
      agent.route(fresh.port);
      let going = true;
      let said = 5;
      const say = async (): Promise<void> => {
        while (going) {
          await fresh.push.toRoom('room', 'count', said++);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const saying = say();
      const back = nextEvent(client, 'connect');
      await old.close();
      await back;
      expect([client.recovered, client.id, agent.moves()]).toEqual([true, id, 0]);
      await client.emitWithAck('go:presence', { room: 'room' });
      going = false;
      await saying;
      await heard.has(said - 1);
      expect(heard.all).toEqual(Array.from({ length: said }, (_, index) => index));
    },
  );

  test('a token resumes a session once, for its own user alone', async () => {
    const nodes = await startNodes();
    const [old, fresh] = [await nodes.start(slow), await nodes.start(slow)];
    const ask = async (server: PushServer, headers: object) => {
      const url = `${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
      const socket = new WebSocket(url, {
        headers: { 'x-gopush-can-resume': '1', ...headers },
        perMessageDeflate: false,
      });
      onTestFinished(() => socket.terminate());
      const messages: string[] = [];
      socket.on('message', (data) => messages.push(String(data)));
      const status = await new Promise<{ status: number; token?: unknown; skip?: unknown; error?: unknown }>(
        (resolve) => {
          socket.once('error', () => {});
          socket.once('upgrade', ({ headers: said }) =>
            resolve({ status: 101, token: said['x-gopush-resume'], skip: said['x-gopush-resume-skip'] }),
          );
          socket.once('unexpected-response', (_request, { statusCode = 0, headers: said }) => {
            resolve({ status: statusCode, error: said['x-gopush-error'] });
          });
        },
      );
      return { ...status, socket, messages };
    };
    const ann = { 'x-gopush-uid': 'ann', 'x-gopush-product': 'default' };
    const first = await ask(old, ann);
    expect(first.token).toMatch(/^[\w-]{24}$/);
    first.socket.send('40');
    await expect.poll(() => first.messages.some((message) => message.startsWith('40{'))).toBe(true);
    first.socket.send('420["go:join","room"]');
    await expect.poll(() => first.messages.some((message) => message.startsWith('430'))).toBe(true);
    first.socket.on('ping', (payload) => {
      if (String(payload) === 'gopush:drain') first.socket.pong('gopush:quiet');
    });
    const ended = new Promise((resolve) => first.socket.once('close', resolve));
    void old.close();
    // Without a close frame.
    expect(await ended).toBe(1006);
    const resume = { 'x-gopush-resume': first.token };
    const unknown = { status: 410, error: 'session_unknown' };
    expect(await ask(fresh, { ...resume, 'x-gopush-uid': 'eve', 'x-gopush-product': 'default' })).toMatchObject(
      unknown,
    );
    expect(await ask(fresh, { ...ann, 'x-gopush-resume': 'guessed' })).toMatchObject(unknown);
    const second = await ask(fresh, { ...ann, ...resume });
    expect(second).toMatchObject({ status: 101, skip: '2' });
    expect(second.token).not.toBe(first.token);
    await expect.poll(() => second.messages.length).toBeGreaterThanOrEqual(2);
    second.socket.send('421["go:leave","none"]');
    const acknowledged = (): unknown => second.messages.find((message) => message.startsWith('431'));
    await expect.poll(acknowledged).toMatch(/"count":1/);
    expect(second.messages.slice(0, 2).map((message) => message.slice(0, 2))).toEqual(['0{', '6']);
    await expect.poll(async () => (await ask(fresh, { ...ann, ...resume })).status).toBe(410);
  });

  // With hand-offs they do not notice: test/chaos/both-tiers.test.ts.
  test.skipIf(handsOver)('an agent restarts: its clients are recovered through another, and miss nothing', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const hooks = {
      agent: believing,
      router: { default: [one, two].map(({ port }) => ({ ip: '127.0.0.1', port })) },
    };
    const old = await startTestAgent(hooks);
    const other = await startTestAgent(hooks);
    const client = openClient(old.url, 'websocket', {
      query: { user: 'ann' },
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 100,
    });
    await nextEvent(client, 'connect');
    await join(client);
    const { id } = client;
    const heard = hear<number>(client, 'count');
    for (let number = 0; number < 5; number++) await one.push.toRoom('room', 'count', number);
    await heard.count(5);
    const gone = nextEvent(client, 'disconnect');
    const closing = old.close();
    await gone;
    (client.io as unknown as { uri: string }).uri = other.url;
    // It may be back before all is published.
    const back = nextEvent(client, 'connect');
    for (let number = 5; number < 10; number++) await two.push.toRoom('room', 'count', number);
    await back;
    expect([client.recovered, client.id]).toEqual([true, id]);
    await heard.count(10);
    expect(heard.all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await closing;
  });
});

/** One more push-server, at a port that was another's. */
async function startAt({ config }: TestNodes, port: number): Promise<PushServer> {
  const server = await startPushServer({ config: { ...config, serverPortStart: port }, node: 'successor' });
  onTestFinished(() => server.close());
  return server;
}

test('with the store away at that moment clients are closed with 1012, counted, and come back', {
  timeout: 60_000,
}, async () => {
  const redis = await startRedis();
  const config = { redisAdapter: { port: redis.port, prefix: 'test' } };
  const start = async (node: string): Promise<PushServer> => {
    const server = await startPushServer({ config: { serverPortStart: 0, ...config, pushServer: slow }, node });
    onTestFinished(() => server.close());
    return server;
  };
  const [old, fresh] = [await start('old'), await start('fresh')];
  const agent = await startHoldingAgentTo(1_000, old.port);
  const client = await connectClient(agent.url, 'websocket', {
    query: { user: 'ann' },
    reconnection: true,
    reconnectionDelay: 20,
  });
  await join(client);
  const ended = new Promise<number | undefined>((resolve) =>
    client.once('disconnect', (_reason, details) =>
      resolve((details as { context?: { code?: number } })?.context?.code),
    ),
  );
  agent.route(fresh.port);
  await redis.kill();
  const closing = old.close();
  expect(await ended).toBe(1012);
  expect(agent.fallbacks()).toHaveLength(1);
  await redis.restart();
  await expect.poll(() => client.connected, { timeout: 20_000 }).toBe(true);
  await closing;
});
