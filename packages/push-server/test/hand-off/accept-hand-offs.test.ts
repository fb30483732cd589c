import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import express from 'express';
import { Server as SocketIoServer } from 'socket.io';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { type AcceptHandOffsOptions, acceptHandOffs } from '../../src/hand-off/accept-hand-offs.ts';
import { makeFolder, startFront } from './support/front.ts';

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that takes hand-offs, with a front before it. */
async function startTaking(server: Server, options: Parameters<typeof startFront>[0] | object = {}) {
  const dir = await makeFolder();
  const log = createMemoryLog();
  const handOffs = acceptHandOffs(server, { dir, logger: log.logger });
  onTestFinished(() => handOffs.close());
  const port = await listen(server);
  expect(await handOffs.settled()).toBeUndefined();
  const front = await startFront({ dir, port, ...options });
  return { handOffs, front, port, log, dir };
}

/** Upgrades a connection, and echoes. */
function createEchoes(): { readonly server: Server; readonly sockets: Socket[] } {
  const sockets: Socket[] = [];
  const server = createServer();
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (webSocket, { socket }) => {
    sockets.push(socket);
    webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  });
  return { server, sockets };
}

async function openWebSocket(url: string): Promise<WebSocket> {
  const webSocket = new WebSocket(url.replace('http', 'ws'));
  onTestFinished(() => webSocket.terminate());
  await once(webSocket, 'open');
  return webSocket;
}

async function echo(webSocket: WebSocket, text: string): Promise<string> {
  webSocket.send(text);
  const [data] = await once(webSocket, 'message');
  return String(data);
}

test('a ws server serves clients that were handed over, and its agent holds them as well', async () => {
  const { server } = createEchoes();
  const { front, handOffs } = await startTaking(server);
  const client = await openWebSocket(front.url);
  expect(await echo(client, 'hello')).toBe('hello');
  expect(await echo(client, 'x'.repeat(300_000))).toHaveLength(300_000);
  expect([handOffs.size, handOffs.alone, front.handed.length]).toEqual([1, 0, 1]);
  client.close(4001, 'enough');
  const [code] = await once(client, 'close');
  expect(code).toBe(4001);
  await expect.poll(() => handOffs.size).toBe(0);
  await expect.poll(() => front.ended.length).toBe(1);
});

test('to the server, a connection that was handed over looks like one that the agent has opened to its port', async () => {
  const { server, sockets } = createEchoes();
  const { front, port } = await startTaking(server, { headers: 'X-Forwarded-For: 192.0.2.7\r\n' });
  const client = await openWebSocket(front.url);
  const [socket] = sockets;
  expect(socket).toMatchObject({ remoteAddress: '127.0.0.1', localAddress: '127.0.0.1', localPort: port });
  expect(socket).toMatchObject({ remoteFamily: 'IPv4', localFamily: 'IPv4' });
  const { localPort } = socketOf(client);
  expect([socket?.remotePort, socket?.remotePort]).toEqual([localPort, localPort]);
  expect(socket).toMatchObject({ remoteAddress: '127.0.0.1' });
  client.close();
  await once(socket as Socket, 'close');
  expect(socket?.remotePort).toBe(localPort);
});

test('connections that were handed over have one shape for V8: code that handles many of them stays fast', async () => {
  setFlagsFromString('--allow-natives-syntax');
  const hasSameShape = new Function('one', 'other', 'return %HaveSameMap(one, other)');
  const { server, sockets } = createEchoes();
  const { front } = await startTaking(server);
  for (let count = 0; count < 4; count++) await echo(await openWebSocket(front.url), 'hello');
  // The first ones settle it.
  const [, , third, fourth] = sockets;
  expect(hasSameShape(third, fourth)).toBe(true);
});

test('the server counts it, and has closed when it has ended', async () => {
  const { server } = createEchoes();
  const { front } = await startTaking(server);
  const client = await openWebSocket(front.url);
  const count = () =>
    new Promise<number>((resolve, reject) =>
      server.getConnections((error, open) => (error === null ? resolve(open) : reject(error))),
    );
  expect(await count()).toBe(1);
  let hasClosed = false;
  server.close(() => (hasClosed = true));
  server.closeAllConnections();
  expect(await echo(client, 'still here')).toBe('still here');
  expect(hasClosed).toBe(false);
  const closed = once(server, 'close');
  client.close();
  await closed;
});

test('a server that no longer listens takes no connection more', async () => {
  const { server } = createEchoes();
  const { front } = await startTaking(server);
  await openWebSocket(front.url);
  server.close();
  const late = new WebSocket(front.url.replace('http', 'ws'));
  late.on('error', () => {});
  await once(late, 'unexpected-response');
  expect(front.refused).toHaveLength(1);
});

test('a server that has all the connections that it wants takes no more', async () => {
  const { server } = createEchoes();
  const { front } = await startTaking(server);
  await openWebSocket(front.url);
  server.maxConnections = 1;
  const late = new WebSocket(front.url.replace('http', 'ws'));
  late.on('error', () => {});
  await once(late, 'unexpected-response');
  server.maxConnections = 2;
  await openWebSocket(front.url);
});

test.each([
  ['', ''],
  [', with a request that Node parses', 'content-length: 0\r\n'],
])(
  'a server that takes part in the migration of sessions itself is not asked to for a client that was handed over%s',
  async (_, more) => {
    const server = createServer();
    const asked: unknown[] = [];
    new WebSocketServer({ server }).on('connection', (_, { headers }) => asked.push(headers['x-gopush-can-resume']));
    const { front, port } = await startTaking(server, { headers: `x-gopush-can-resume: 1\r\n${more}` });
    await openWebSocket(front.url);
    const direct = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { 'x-gopush-can-resume': '1' } });
    onTestFinished(() => direct.terminate());
    await once(direct, 'open');
    await expect.poll(() => asked).toEqual([undefined, '1']);
  },
);

test('it begins again when the server listens again', async () => {
  const { server } = createEchoes();
  const { handOffs, dir } = await startTaking(server);
  server.close();
  await once(server, 'close');
  await expect.poll(() => handOffs.state).toBe('waiting');
  const port = await listen(server);
  expect(await handOffs.settled()).toBeUndefined();
  const front = await startFront({ dir, port });
  expect(await echo(await openWebSocket(front.url), 'again')).toBe('again');
});

test('it ends with close: the server goes on with its port', async () => {
  const { server } = createEchoes();
  const { handOffs, front, port } = await startTaking(server);
  const client = await openWebSocket(front.url);
  expect(await echo(client, 'accepted')).toBe('accepted');
  await handOffs.close();
  expect(await echo(client, 'still here')).toBe('still here');
  expect(await echo(await openWebSocket(`http://127.0.0.1:${port}`), 'by the port')).toBe('by the port');
});

test('a response that is no upgrade reaches the client, and nothing that the client sends is read as a further request', async () => {
  const requests: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    response.writeHead(200, { 'content-length': 2 }).end('no');
  });
  server.on('upgrade', (request, socket) => {
    requests.push(request.url);
    socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nsee?');
  });
  const forged = Buffer.from('GET /forged HTTP/1.1\r\nhost: x\r\nx-gopush-uid: admin\r\n\r\n');
  const { front } = await startTaking(server);
  const client = connect(Number(new URL(front.url).port));
  onTestFinished(() => void client.destroy());
  client.write(
    Buffer.concat([
      Buffer.from('GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
      forged,
    ]),
  );
  let heard = '';
  for await (const chunk of client) heard += chunk;
  expect(heard).toContain('403 Forbidden');
  expect(requests).toEqual(['/a']);
});

test('what a client sends while its server thinks about the upgrade waits, and comes once and whole', async () => {
  const server = createServer();
  const heard: Buffer[] = [];
  let respond = (): void => {};
  const asked = new Promise<void>((resolve) => {
    server.on('upgrade', (_request, socket) => {
      socket.on('data', (chunk) => void heard.push(chunk));
      respond = () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nfirst');
      resolve();
    });
  });
  const { front } = await startTaking(server);
  const client = connect(Number(new URL(front.url).port));
  onTestFinished(() => void client.destroy());
  let answer = '';
  client.on('data', (chunk) => {
    answer += chunk;
  });
  client.write('GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\none,');
  await asked;
  client.write('two,');
  // The server must not have it by any way round: it is not accepted yet.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([Buffer.concat(heard).toString(), answer]).toEqual(['', '']);
  respond();
  client.write('three');
  await expect.poll(() => Buffer.concat(heard).toString()).toBe('one,two,three');
  await expect.poll(() => answer).toMatch(/^HTTP\/1.1 101 .*\r\n\r\nfirst$/s);
});

test('a server without a listener to upgrades is left to its port', async () => {
  const requests: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    response.end();
  });
  const { front } = await startTaking(server);
  const late = new WebSocket(front.url.replace('http', 'ws'));
  late.on('error', () => {});
  await once(late, 'unexpected-response');
  expect(requests).toEqual([]);
  expect(front.refused).toEqual([expect.stringMatching(/^bad response/)]);
});

test('a server without a listener to upgrades responds to a request for one, as it did before', async () => {
  const server = createServer((_, response) => response.end('plain'));
  const { port } = await startTaking(server);
  const client = connect(port);
  onTestFinished(() => void client.destroy());
  client.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, close\r\nupgrade: h2c\r\n\r\n');
  let heard = '';
  client.on('data', (chunk) => {
    heard += chunk;
  });
  await expect.poll(() => heard).toMatch(/^HTTP\/1.1 200 .*plain/s);
});

test.each(['websocket', 'polling'] as const)(
  'a Socket.IO server serves clients that begin with %s',
  async (transport) => {
    const server = createServer();
    const io = new SocketIoServer(server);
    onTestFinished(() => void io.close());
    io.on('connection', (socket) => socket.on('echo', (text, ack) => ack([text, socket.handshake.address])));
    const { front, handOffs } = await startTaking(server);
    const client = await connectClient(front.url, transport === 'polling' ? 'upgrade' : transport, {});
    expect(await client.emitWithAck('echo', 'hello')).toEqual(['hello', '127.0.0.1']);
    await expect.poll(() => handOffs.size).toBe(1);
    expect(await client.emitWithAck('echo', 'again')).toEqual(['again', '127.0.0.1']);
  },
);

test('an Express app keeps its requests, and reads the address of the client from the agent for both', async () => {
  const app = express();
  app.set('trust proxy', 'loopback');
  app.get('/who', (request, response) => void response.send(request.ip));
  const server = createServer(app);
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (webSocket, request) => {
    const ofExpress = Object.assign(Object.setPrototypeOf(request, app.request), { app }) as express.Request;
    webSocket.send(String(ofExpress.ip));
  });
  const { front } = await startTaking(server, { headers: 'X-Forwarded-For: 192.0.2.7\r\n' });
  expect(await (await fetch(`${front.url}/who`)).text()).toBe('192.0.2.7');
  const client = new WebSocket(front.url.replace('http', 'ws'));
  onTestFinished(() => client.terminate());
  const [data] = await once(client, 'message');
  expect(String(data)).toBe('192.0.2.7');
});

test.each([
  ['that closes its WebSocket', (client: WebSocket) => client.close(), 'target closed'],
  ['that ends its connection', (client: WebSocket) => socketOf(client).end(), 'client closed'],
  ['that resets its connection', (client: WebSocket) => socketOf(client).resetAndDestroy(), 'client reset'],
])('its agent learns who ended the connection of a client %s', async (_, end, cause) => {
  const { server } = createEchoes();
  const { front } = await startTaking(server);
  const client = await openWebSocket(front.url);
  expect(await echo(client, 'hello')).toBe('hello');
  end(client);
  await expect.poll(() => front.ended).toMatchObject([{ cause }]);
});

test('its agent learns that the server has ended a connection', async () => {
  const { server, sockets } = createEchoes();
  const { front } = await startTaking(server);
  await openWebSocket(front.url);
  sockets[0]?.destroy();
  await expect.poll(() => front.ended).toMatchObject([{ cause: 'target closed' }]);
});

/** The connection of a client. */
function socketOf(client: WebSocket): Socket {
  return (client as unknown as { readonly _socket: Socket })._socket;
}

test('its agent can close a WebSocket: the client gets the code', async () => {
  const { server } = createEchoes();
  const { front } = await startTaking(server);
  const client = await openWebSocket(front.url);
  front.handed[0]?.close(1012, 'restart');
  const [code, reason] = await once(client, 'close');
  expect([code, String(reason)]).toEqual([1012, 'restart']);
  await expect.poll(() => front.ended).toMatchObject([{ code: 1012, cause: 'restart' }]);
});

test('a client that does not answer the close frame is cut', async () => {
  const { server } = createEchoes();
  const { front } = await startTaking(server);
  const client = await openWebSocket(front.url);
  client.pause();
  front.handed[0]?.close(1012, 'restart');
  await expect.poll(() => front.ended).toHaveLength(1);
});

test.each([['its folder is open to others', async (dir: string) => chmod(dir, 0o755), /is open to other users/]])(
  'it says in one line why not: %s',
  async (_, prepare, why) => {
    const dir = await makeFolder();
    await prepare(dir);
    const { server } = createEchoes();
    const log = createMemoryLog();
    const handOffs = acceptHandOffs(server, { dir, logger: log.logger });
    await listen(server);
    expect(await handOffs.settled()).toMatch(why);
    expect(handOffs.state).toBe('unavailable');
    expect(log.lines.filter(({ message }) => /handed over/.test(message))).toHaveLength(1);
  },
);

test('not for a server of HTTPS, nor for one on a Unix socket', async () => {
  const dir = await makeFolder();
  const https = createHttps();
  const first = acceptHandOffs(https as unknown as Server, { dir });
  await listen(https as unknown as Server);
  expect(await first.settled()).toMatch(/TLS/);
  const { server } = createEchoes();
  const second = acceptHandOffs(server, { dir });
  server.listen(`${dir}/http.sock`);
  onTestFinished(() => void server.close());
  expect(await second.settled()).toMatch(/Unix socket/);
});

test('an app of Express and a Socket.IO server are refused: they are no servers that listen', () => {
  for (const other of [express(), new SocketIoServer(), undefined])
    expect(() => acceptHandOffs(other as unknown as Server)).toThrow(/acceptHandOffs: found .*, wanted an HTTP server/);
});

test('an unknown option is refused', () => {
  const options = { folder: '/tmp' } as AcceptHandOffsOptions;
  expect(() => acceptHandOffs(createServer(), options)).toThrow(/acceptHandOffs: folder/);
});
