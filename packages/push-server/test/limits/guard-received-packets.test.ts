import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConfigInput } from '@gopush/contract';
import type { PushServer, PushServerOptions } from '@gopush/push-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { admin, readAdmin } from '../../../../test/support/metrics.ts';
import { connectClient, openClient } from '../../../../test/support/socket-io.ts';

async function start(
  pushServer: ConfigInput['pushServer'] = {},
  options: Pick<PushServerOptions, 'hooks' | 'setup'> = {},
): Promise<PushServer> {
  const [server] = await startPushServers(1, { ...admin, pushServer }, options);
  return server as PushServer;
}

/** A WebSocket that speaks Engine.IO by hand. */
async function connectRaw(server: PushServer, uid = 'eve') {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=${uid}`);
  onTestFinished(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (data) => heard.push(String(data)));
  const closed = once(socket, 'close').then(([code, reason]) => `${code} ${reason}`);
  await once(socket, 'open');
  const hears = (pattern: RegExp): Promise<void> =>
    expect.poll(() => heard.some((text) => pattern.test(text)), { timeout: 10_000 }).toBe(true);
  return { socket, heard, hears, closed };
}

async function enter(server: PushServer, uid = 'eve') {
  const raw = await connectRaw(server, uid);
  raw.socket.send('40');
  await raw.hears(/^40/);
  return raw;
}

const socketsOf = (server: PushServer): number =>
  server.io.of('/').sockets.size +
  (server.io.of('/') as unknown as { _preConnectSockets: Map<string, unknown> })._preConnectSockets.size;

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const quiet = (): object => ({});

describe('CONNECT packets', () => {
  it('make one session for each namespace and connection, however many come at once', async () => {
    const server = await start();
    const bystander = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const { socket, closed } = await connectRaw(server);
    for (let sent = 0; sent < 3_000; sent++) socket.send('40');
    expect(await closed).toMatch(/^4\d+ (request_malformed|too_many_requests)$/);
    await expect.poll(() => socketsOf(server)).toBe(1);
    expect(await bystander.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
    expect((await readAdmin(server, '/metrics')).text).toMatch(
      /kills_total\{code="(request_malformed|too_many_requests)"\} 1/,
    );
  });

  it('are answered once where a client asks to connect while it connects already', async () => {
    const server = await start();
    server.io.of('/other').on('connection', quiet);
    const client = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const other = client.io.socket('/other', {});
    other.connect();
    await once(other as never, 'connect');
    expect(await client.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
    expect(server.io.of('/other').sockets.size).toBe(1);
  });

  it('make one session where they come in one request of long-polling', async () => {
    const server = await start();
    const url = `${server.url}/socket.io/?EIO=4&transport=polling&uid=eve`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
    const body = Array.from({ length: 10_000 }, () => '40').join('\x1e');
    await fetch(`${url}&sid=${sid}`, { method: 'POST', body });
    await expect.poll(() => socketsOf(server)).toBe(0);
    expect(server.io.engine.clientsCount).toBe(0);
  });

  it('reach as many namespaces at a time as the setting says, and the others are refused', async () => {
    const server = await start(
      { limits: { namespacesPerConnection: 3 } },
      { setup: (io) => void io.of(/^\/room-\d+$/).on('connection', quiet) },
    );
    const main = await connectClient(server.url, 'websocket', { query: { uid: 'eve' } });
    const of = (name: string) => main.io.socket(name, {});
    for (const name of ['/room-1', '/room-2']) await new Promise<void>((resolve) => of(name).once('connect', resolve));
    const error = await new Promise<Error & { data?: unknown }>((resolve) =>
      of('/room-3').once('connect_error', resolve),
    );
    expect(error.data).toMatchObject({ code: 'too_many_namespaces' });
    of('/room-1').disconnect();
    await expect.poll(() => server.io._nsps.has('/room-1')).toBe(false);
    await new Promise<void>((resolve) => of('/room-4').once('connect', resolve));
    // Namespaces without clients are forgotten.
    await expect.poll(() => server.io._nsps.has('/room-1')).toBe(false);
    expect(server.io._nsps.has('/room-3')).toBe(false);
    main.io.engine.close();
    await expect.poll(() => [...server.io._nsps.keys()]).toEqual(['/']);
  });

  it('that alternate with DISCONNECT, or name namespaces that do not exist, end the connection after some', async () => {
    const server = await start();
    const looping = await enter(server);
    const isOver = (): boolean => looping.socket.readyState !== WebSocket.OPEN;
    for (let round = 0; round < 200 && !isOver(); round++) {
      looping.socket.send('41');
      await expect.poll(() => isOver() || server.io.of('/').sockets.size === 0, { interval: 2 }).toBe(true);
      if (!isOver()) looping.socket.send('40');
      await expect.poll(() => isOver() || server.io.of('/').sockets.size === 1, { interval: 2 }).toBe(true);
    }
    expect(await looping.closed).toBe('4029 too_many_requests');
    const guessing = await enter(server);
    for (let name = 0; name < 3_000; name++) guessing.socket.send(`40/none-${name},`);
    expect(await guessing.closed).toBe('4029 too_many_requests');
    expect(guessing.heard.length).toBeLessThan(100);
  });

  it('may be tried again after they were refused', async () => {
    let times = 0;
    const server = await start({}, { hooks: { onConnect: () => ++times > 1 } });
    const { socket, hears } = await connectRaw(server);
    socket.send('40');
    await hears(/^44/);
    socket.send('40');
    await hears(/^40/);
  });

  it.each([
    ['nested 65 deep', nested(65)],
    ['nested 3,000 deep', nested(3_000)],
    ['of 16 KiB', JSON.stringify({ token: 'x'.repeat(16_384) })],
  ])('with an auth payload %s are refused', async (_, auth) => {
    const server = await start();
    const { socket, hears } = await connectRaw(server);
    socket.send(`40${auth}`);
    await hears(/^44.*payload_invalid/);
    socket.send(`40${JSON.stringify({ token: 'x'.repeat(8_192) })}`);
    await hears(/^40/);
  });
});

describe('events', () => {
  it.each([65, 2_500, 100_000])('nested %i deep are refused, whatever handles them', async (levels) => {
    const server = await start(
      {},
      {
        setup(io) {
          for (const name of ['/', '/own']) {
            io.of(name).on('connection', (socket) => {
              socket.on('shout', (said, done) => {
                io.emit('shouted', { said });
                done('heard');
              });
            });
          }
        },
      },
    );
    const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const heard: unknown[] = [];
    ann.on('shouted', (said) => heard.push(said));
    const { socket, hears } = await enter(server);
    socket.send('40/own,');
    await hears(/^40\/own,/);
    const deep = nested(levels);
    socket.send(`421["go:join","den"]`);
    await hears(/^431\[/);
    socket.send(`422["go:publish",{"room":"den","event":"chat","message":${deep}}]`);
    socket.send(`423["room",{"room":"den","event":"chat","message":${deep}}]`);
    socket.send(`424["shout",${deep}]`);
    socket.send(`42/own,5["shout",${deep}]`);
    socket.send(`42["shout",${deep}]`);
    for (const id of [2, 3, 4]) await hears(new RegExp(`^43${id}\\[.*payload_invalid`));
    await hears(/^43\/own,5\[.*payload_invalid/);
    socket.send(`426["shout",${nested(60)}]`);
    await hears(/^436\["heard"\]/);
    await expect.poll(() => heard.length).toBe(1);
  });

  it('of all namespaces count together against the rate', async () => {
    const server = await start({ limits: { messagesPerSecond: 5 } }, { setup: (io) => void io.of('/own') });
    const { socket, heard, hears } = await enter(server);
    socket.send('40/own,');
    await hears(/^40\/own,/);
    for (let id = 1; id <= 5; id++) socket.send(`42${id}["go:join","den"]`);
    for (let id = 6; id <= 8; id++) socket.send(`42/own,${id}["any"]`);
    await hears(/^43\/own,8\[.*too_many_requests/);
    expect(heard.filter((text) => text.includes('too_many_requests')).length).toBe(3);
  });

  it('count by their bytes, the parts of bytes as well, and small ones are taken again after a while', async () => {
    const server = await start({ limits: { bytesPerMinute: 60_000 } });
    const { socket, heard, hears } = await enter(server);
    socket.send('421["go:join","den"]');
    await hears(/^431\[/);
    for (let id = 2; id <= 4; id++) {
      socket.send(`451-${id}["go:publish",{"room":"den","event":"chat","message":{"_placeholder":true,"num":0}}]`);
      socket.send(Buffer.alloc(25_000));
    }
    await hears(/^434\[.*too_many_requests/);
    expect(heard.filter((text) => text.includes('too_many_requests')).length).toBe(1);
    socket.send('425["go:publish",{"room":"den","event":"chat","message":"small"}]');
    await hears(/^435\[.*true/);
  });

  it('with parts of bytes that are named more often than clients can take are refused', async () => {
    const server = await start();
    const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
    await ann.emitWithAck('go:join', 'den');
    const { socket, hears, closed } = await enter(server);
    socket.send('421["go:join","den"]');
    await hears(/^431\[/);
    const many = Array.from({ length: 11 }, () => '{"_placeholder":true,"num":0}').join(',');
    socket.send(`451-2["go:publish",{"room":"den","event":"chat","message":[${many}]}]`);
    socket.send(Buffer.from('x'));
    await hears(/^432\[.*payload_invalid/);
    // The same from a program, which would close the connections of all members.
    const said = await server.push.toRoom(
      'den',
      'chat',
      Array.from({ length: 11 }, () => Buffer.from('x')),
    );
    expect(said).toMatchObject({ ok: false, failure: { code: 'payload_invalid' } });
    const chat = new Promise((resolve) => ann.once('chat', resolve));
    socket.send(`451-3["go:publish",{"room":"den","event":"chat","message":[{"_placeholder":true,"num":0}]}]`);
    socket.send(Buffer.from('x'));
    expect(await chat).toEqual([Buffer.from('x')]);
    // More bytes in all parts than one message may have.
    socket.send(`4510-["chat",{"_placeholder":true,"num":0}]`);
    for (let part = 0; part < 3; part++) socket.send(Buffer.alloc(400_000));
    expect(await closed).toBe('4422 payload_invalid');
    expect(ann.connected).toBe(true);
  });
});

describe('what is no packet of Socket.IO', () => {
  it.each<[string, (string | Buffer)[]]>([
    ['an event before CONNECT', ['42["room",{}]']],
    ['an ack before CONNECT', ['431[]']],
    ['a binary part without an event', ['40', Buffer.from('x')]],
    ['text while parts are to come', ['40', '451-["a",{"_placeholder":true,"num":0}]', '42["b"]']],
    ['a million parts', ['40', '451000000-["a"]']],
    ['a part that is not there', ['40', '451-["a",{"_placeholder":true,"num":7}]', Buffer.from('x')]],
    ['a type that does not exist', ['40', '49']],
    ['no JSON', ['40', '42[']],
    ['an event that is reserved', ['40', '42["disconnect"]']],
    ['a probe without an upgrade', ['40', '2probe']],
    ['an ack nested too deep', ['40', `437[${nested(2_500)}]`]],
    ['an empty message', ['40', '4']],
    ['an empty message before CONNECT', ['4']],
    ['an empty message while parts are to come', ['40', '451-["a",{"_placeholder":true,"num":0}]', '4']],
    ['an empty part without an event', ['40', Buffer.alloc(0)]],
    ['nothing at all', ['40', '']],
  ])('ends its connection alone: %s', async (_, frames) => {
    const server = await start();
    const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const { socket, hears, closed } = await connectRaw(server);
    for (const frame of frames) {
      socket.send(frame);
      if (frame === '40') await hears(/^40/);
    }
    await closed;
    expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
  });

  it.each(['4', '40\x1e4', 'b', '4\x1e4', ''])('ends its session of long-polling alone: %j', async (body) => {
    const server = await start();
    const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const url = `${server.url}/socket.io/?EIO=4&transport=polling&uid=eve`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
    await fetch(`${url}&sid=${sid}`, { method: 'POST', body });
    await expect.poll(() => server.io.engine.clientsCount).toBe(1);
    expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
  });

  it('is not taken for an answer: acks of ids that were never given do nothing', async () => {
    const server = await start();
    const { socket, hears } = await enter(server);
    for (let id = 0; id < 2_000; id++) socket.send(`43${id}["x"]`);
    socket.send('421["go:join","den"]');
    await hears(/^431\[.*true/);
  });
});

it('acks that nobody waits for send a client away that does not stop, and answers to questions never do', async () => {
  const server = await start({ limits: { messagesPerSecond: 5 } });
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  ann.on('question', (_number, ack) => ack('yes'));
  const { socket, closed } = await enter(server);
  for (let id = 0; id < 20_000; id++) socket.send(`43${id}["x"]`);
  expect(await closed).toBe('4029 too_many_requests');
  const questions = Array.from({ length: 500 }, (_, number) =>
    server.io.timeout(5_000).emitWithAck('question', number),
  );
  expect((await Promise.all(questions)).flat()).toHaveLength(500);
  expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
});

it.each<[string, (socket: WebSocket) => void]>([
  ['pings', (socket) => socket.ping()],
  ['heartbeats', (socket) => socket.send('3')],
])('%s without end send a client away, and some thousands do not', async (_, send) => {
  const server = await start();
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  const { socket, closed, hears } = await enter(server);
  for (let sent = 0; sent < 2_000; sent++) send(socket);
  socket.send('421["go:join","den"]');
  await hears(/^431\[.*true/);
  for (let sent = 0; sent < 25_000; sent++) send(socket);
  expect(await closed).toBe('4029 too_many_requests');
  expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
  expect((await readAdmin(server, '/metrics')).text).toMatch(/kills_total\{code="too_many_requests"\} 1\n/);
});

it('a client that is sent away for a flood and goes on with it is read no further, and cut', async () => {
  const server = await start();
  const { socket } = await enter(server);
  const raw = (socket as unknown as { _socket: Socket })._socket;
  const gone = new Promise((resolve) => raw.once('close', resolve));
  // It answers no close frame.
  raw.removeAllListeners('data').on('error', quiet).resume();
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([0x89, 0x80, 0, 0, 0, 0])));
  const flood = setInterval(() => raw.writable && raw.writableLength === 0 && raw.write(pings), 10);
  onTestFinished(() => clearInterval(flood));
  await gone;
  expect(raw.bytesWritten).toBeGreaterThan(pings.length);
}, 10_000);

it('a client that is in a namespace of its own as well reconnects to both', async () => {
  const server = await start({}, { setup: (io) => void io.of('/own') });
  const main = openClient(server.url, 'websocket', {
    query: { uid: 'ann' },
    reconnection: true,
    reconnectionDelay: 20,
  });
  const own = main.io.socket('/own', {});
  const both = (): Promise<unknown> =>
    Promise.all([main, own].map((socket) => new Promise<void>((resolve) => socket.once('connect', resolve))));
  await both();
  for (let round = 0; round < 3; round++) {
    const back = both();
    main.io.engine.close();
    await back;
  }
});
