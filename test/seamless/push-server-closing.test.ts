import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket as TcpSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { believing, startPushServers, startTestAgent } from '../support/gateway.ts';
import { createMemoryLog } from '../support/log.ts';
import { admin, readAdmin } from '../support/metrics.ts';
import { startNodes } from '../support/nodes.ts';
import { connectClient, openClient } from '../support/socket-io.ts';

const handshake = (headers = ''): string =>
  `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nx-gopush-uid: ann\r\nx-gopush-product: default\r\n${headers}\r\n`;

/** A connection that never ends its side. */
async function openHalf(port: number, bytes: string): Promise<TcpSocket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

/** How many connections a push-server has. */
function connectionsOf({ io }: PushServer): Promise<number> {
  return new Promise((resolve) => io.httpServer.getConnections((_error, count) => resolve(count)));
}

test.each([
  ['of a session that nobody knows', {}, 'x-gopush-resume: unknown\r\nx-gopush-can-resume: 1\r\n', /^HTTP\/1.1 410 /],
  ['beyond the limit', { limits: { connections: 1 } }, '', /^HTTP\/1.1 503 /],
])('a refused upgrade %s ends both sides of its connection', async (_what, settings, headers, expected) => {
  const nodes = await startNodes('embedded store');
  const server = await nodes.start(settings);
  const client = await connectClient(server.url, 'websocket', { query: { uid: 'first' } });
  const socket = await openHalf(server.port, handshake(headers));
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'end');
  expect(text).toMatch(expected);
  await expect.poll(() => connectionsOf(server)).toBe(1);
  expect(client.connected).toBe(true);
});

/** A client by polling that asks for a WebSocket and then says nothing there. */
async function openMuteProbe({ url }: PushServer): Promise<void> {
  const path = `${url}/socket.io/?EIO=4&uid=mute`;
  const { sid } = JSON.parse((await (await fetch(`${path}&transport=polling`)).text()).slice(1));
  const socket = new WebSocket(`${path.replace('http', 'ws')}&transport=websocket&sid=${sid}`);
  onTestFinished(() => socket.terminate());
  socket.on('error', () => {});
  await once(socket, 'open');
  socket.pause();
}

/** A client that says nothing more when it is disconnected. */
async function openMute({ io, url }: PushServer): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=mute`);
  onTestFinished(() => socket.terminate());
  socket.on('error', () => {});
  const came = new Promise((resolve) => io.once('connection', resolve));
  socket.once('message', () => socket.send('40'));
  await came;
  socket.pause();
  io.disconnectSockets(true);
  await expect.poll(() => io.engine.clientsCount).toBe(0);
}

test.each([
  { open: openMuteProbe, who: 'is silent in the middle of an upgrade' },
  { open: openMute, who: 'was disconnected and is silent' },
])('a client that $who does not hold up a stop', async ({ open }) => {
  const nodes = await startNodes('embedded store');
  const server = await nodes.start();
  await open(server);
  const began = performance.now();
  await server.close();
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('a handler that answers twice by mistake does not have its session move before others have answered', async () => {
  const nodes = await startNodes('embedded store');
  const start = async () => {
    const server = await nodes.start({ drainMs: 5_000 });
    server.io.on('connection', (socket) => {
      socket.on('twice', (done: (answer: number) => void) => {
        done(1);
        done(2);
      });
      socket.on('slow', (done: (answer: string) => void) => setTimeout(done, 300, 'done'));
    });
    return server;
  };
  const old = await start();
  let live = old;
  const agent = await startTestAgent({
    agent: believing,
    router: { default: () => [{ ip: '127.0.0.1', port: live.port }] },
  });
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  await client.emitWithAck('twice');
  live = await start();
  const slow = client.timeout(5_000).emitWithAck('slow');
  await client.emitWithAck('twice');
  await old.close();
  expect(await slow).toBe('done');
  expect(client.connected).toBe(true);
});

test('a push-server ends in its time although a client never reads, and although handshakes are under way', async () => {
  const nodes = await startNodes('embedded store');
  const server = await nodes.start({ drainMs: 500, limits: { sendQueueBytes: 100_000_000 } });
  server.io.on('connection', (socket) => {
    for (let count = 0; count < 200; count++) socket.emit('much', 'x'.repeat(65_536));
  });
  const socket = new WebSocket(`${server.url}/socket.io/?EIO=4&transport=websocket`, {
    headers: { 'x-gopush-can-resume': '1', 'x-gopush-uid': 'ann', 'x-gopush-product': 'default' },
  });
  onTestFinished(() => socket.terminate());
  socket.on('error', () => {});
  await once(socket, 'message');
  socket.send('40');
  await expect.poll(() => server.io.of('/').sockets.size).toBe(1);
  (socket as unknown as { _socket: TcpSocket })._socket.pause();
  const began = performance.now();
  const closing = server.close();
  await openHalf(server.port, handshake().slice(0, 60)).catch(() => {});
  await closing;
  expect(performance.now() - began).toBeLessThan(4_000);
});

test('an agent that does not say that a client is stopped is named in the log', async () => {
  const { logger, next } = createMemoryLog();
  const [server] = await startPushServers(1, { pushServer: { drainMs: 700 } }, { logger });
  const socket = new WebSocket(`${server?.url}/socket.io/?EIO=4&transport=websocket`, {
    headers: { 'x-gopush-can-resume': '1', 'x-gopush-uid': 'ann', 'x-gopush-product': 'default' },
  });
  onTestFinished(() => socket.terminate());
  await once(socket, 'message');
  socket.send('40');
  await once(socket, 'message');
  const closing = server?.close();
  expect(await next(/agents did not confirm in time/)).toMatchObject({ level: 'warn', fields: { sessions: 1 } });
  await closing;
});

test('a stop while clients are being admitted: they are closed and counted, the others move', async () => {
  const nodes = await startNodes('embedded store');
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const onConnect = ({ uid }: { readonly uid: string }) => {
    if (uid !== 'slow') return true;
    asked();
    return new Promise<boolean>(() => {});
  };
  const old = await nodes.start({ drainMs: 3_000, answerMs: 300 }, { onConnect }, admin);
  let live = old;
  const agent = await startTestAgent({
    agent: believing,
    router: { default: () => [{ ip: '127.0.0.1', port: live.port }] },
  });
  const client = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  let cuts = 0;
  client.on('disconnect', () => cuts++);
  openClient(agent.url, 'websocket', { query: { user: 'slow' } });
  await isAsked;
  live = await nodes.start({ drainMs: 3_000 });
  await fetch(`${old.adminUrl}/drain`, { method: 'PUT' });
  const { text } = await readAdmin(old, '/metrics');
  expect(text).toMatch(/sessions_not_given_total\{cause="not admitted"\} 1/);
  expect(text).toMatch(/sessions_given_total 1/);
  await old.close();
  expect(await client.emitWithAck('go:join', 'room')).toMatchObject({ ok: true });
  expect(cuts).toBe(0);
});

test('a router that is edited while a push-server drains: the agent asks for the same sessions, and no client is cut', async () => {
  const nodes = await startNodes('embedded store');
  const [old, fresh] = [
    await nodes.start({ drainMs: 5_000 }, undefined, admin),
    await nodes.start({ drainMs: 5_000 }, undefined, admin),
  ];
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'hooks'));
  const route = async (...to: PushServer[]): Promise<void> => {
    const targets = to.map(({ port }) => `{ ip: '127.0.0.1', port: ${port} }`);
    await writeFile(join(dir, 'hooks/next'), `module.exports = { default: [${targets.join()}] };`);
    await rename(join(dir, 'hooks/next'), join(dir, 'hooks/router.js'));
  };
  await writeFile(join(dir, 'hooks/agent.js'), 'module.exports = (request) => request.query.user;');
  await route(old, fresh);
  const { logger, lines } = createMemoryLog();
  const { startAgent } = await import('@gopush/agent');
  const agent = await startAgent({
    config: {
      agentPort: 0,
      limits: { eventLoopDelayMs: 0 },
      agent: { host: '127.0.0.1', drainMs: 200 },
      seamless: { movesPerSecond: 50 },
    },
    hooks: { dir, environment: 'local' },
    logger,
  });
  onTestFinished(() => agent.close());
  let cuts = 0;
  const clients = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      const client = await connectClient(agent.url, 'websocket', { query: { user: `user-${index}` } });
      client.on('disconnect', () => cuts++);
      await client.emitWithAck('go:join', 'room');
      return client;
    }),
  );
  const had = old.io.of('/').sockets.size;
  expect(had).toBeGreaterThan(30);
  const drained = fetch(`${old.adminUrl}/drain`, { method: 'PUT' });
  await route(fresh);
  await drained;
  await expect.poll(() => [old, fresh].map(({ io }) => io.of('/').sockets.size), { timeout: 15_000 }).toEqual([0, 120]);
  const counts = await Promise.all(
    clients.map(async (client) => (await client.emitWithAck('go:leave', 'never')).count),
  );
  expect(counts).toEqual(clients.map(() => 1));
  expect([cuts, lines.filter(({ message }) => /could not migrate or fail over/.test(message))]).toEqual([0, []]);
});
