import { once } from 'node:events';
import { createServer, IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { acceptHandOffs } from '../../src/hand-off/accept-hand-offs.ts';
import { makeFolder, startFront } from './support/front.ts';

/** Starts a server that takes hand-offs; the ports by which it is reached itself, and by way of a front. */
async function startTaking(server: Server): Promise<{ readonly direct: number; readonly byFront: number }> {
  const dir = await makeFolder();
  const handOffs = acceptHandOffs(server, { dir });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    await handOffs.close();
    server.closeAllConnections();
    server.close();
  });
  expect(await handOffs.settled()).toBeUndefined();
  const { port } = server.address() as AddressInfo;
  const { url } = await startFront({ dir, port });
  return { direct: port, byFront: Number(new URL(url).port) };
}

const answer = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n';
const upgrade = (more = ''): string =>
  `GET /a?b=c HTTP/1.1\r\nhost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n${more}\r\n`;

/** Sends a request, and waits for the head of the response. */
async function ask(port: number, request: string): Promise<Socket> {
  const client = connect(port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  client.on('error', () => {}).write(request, 'latin1');
  await once(client, 'data');
  return client;
}

/** The names of the events of a server, in order. Other listeners still get them. */
function eventsOf(server: Server): string[] {
  const names: string[] = [];
  const emit = server.emit.bind(server);
  server.emit = (name: string, ...args: unknown[]): boolean => {
    names.push(name);
    return emit(name, ...args);
  };
  return names;
}

test('the request is the one that the parser of Node makes, and is not parsed again', async () => {
  class Message extends IncomingMessage {}
  const server = createServer({ IncomingMessage: Message, joinDuplicateHeaders: true });
  const seen: object[] = [];
  server.on('upgrade', (request, socket, early) => {
    const { method, url, httpVersion, headers, headersDistinct, rawHeaders, complete, joinDuplicateHeaders } =
      request as IncomingMessage & { joinDuplicateHeaders: boolean };
    const isOwn = request instanceof Message && request.socket === socket;
    const { server: of, readableFlowing } = socket as Socket & { server: Server };
    const about = { isOwn, isServer: of === server, readableFlowing, early: early.length };
    seen.push({
      method,
      url,
      httpVersion,
      headers,
      headersDistinct,
      rawHeaders,
      complete,
      joinDuplicateHeaders,
      ...about,
    });
    request.on('end', () => seen.push({ ended: url })).resume();
    socket.write(answer);
  });
  const { direct, byFront } = await startTaking(server);
  const more =
    'Cookie: a=1\r\ncookie: b=2\r\nX-Name: caf\xe9\xa0\r\nx-empty: \r\nx-colon: a: b\r\nx-two: 1\r\nx-two: 2\r\n';
  await ask(direct, upgrade(more));
  await expect.poll(() => seen.length).toBe(2);
  const events = eventsOf(server);
  await ask(byFront, upgrade(more));
  await expect.poll(() => seen.length).toBe(4);
  expect(seen.slice(2)).toEqual(seen.slice(0, 2));
  expect(seen[0]).toMatchObject({ isOwn: true, isServer: true, complete: true });
  expect(events.filter((name) => name !== 'upgrade')).toEqual([]);
});

test('listeners to connections are called, and the timeout of the server applies', async () => {
  const server = createServer();
  server.timeout = 300;
  const connections: Socket[] = [];
  server.on('connection', (socket) => connections.push(socket));
  server.once('connection', () => connections.length);
  let timeouts = 0;
  server.on('upgrade', (_request, socket) => {
    expect(connections.at(-1)).toBe(socket);
    socket.once('timeout', () => {
      timeouts++;
      socket.destroy();
    });
    socket.write(answer);
  });
  const { byFront } = await startTaking(server);
  const client = await ask(byFront, upgrade());
  expect(connections).toHaveLength(1);
  await once(client.resume(), 'close');
  expect(timeouts).toBe(1);
});

test.each([
  [
    'another parser is in between',
    (server: Server) => {
      const [parse] = server.listeners('connection');
      server.removeAllListeners('connection');
      server.on('connection', (socket) => parse?.call(server, socket));
    },
    upgrade(),
    'connection',
  ],
  [
    'the server takes fewer headers',
    (server: Server) => void Object.assign(server, { maxHeadersCount: 4 }),
    upgrade('x-a: 1\r\nx-b: 2\r\n'),
    'connection',
  ],
  ['there is a body', () => {}, upgrade('content-length: 2\r\n'), 'connection'],
])('Node parses the head where %s', async (_, prepare, request, event) => {
  const server = createServer();
  prepare(server);
  server.on('upgrade', (_request, socket) => void socket.write(answer));
  const { byFront } = await startTaking(server);
  const events = eventsOf(server);
  await ask(byFront, request);
  expect(events).toContain(event);
  // Node 20 leaves out the headers that are too many; Node 22 and 24 refuse the request.
  const outcome = server.maxHeadersCount === 4 && process.versions.node >= '22' ? 'clientError' : 'upgrade';
  expect(events).toContain(outcome);
});

/** What the heap has after it was collected, and what ended has been forgotten. */
async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate);
    runInNewContext('gc')();
  }
  return process.memoryUsage().heapUsed;
}

test('a header or URL that is kept keeps nothing else of its request', async () => {
  const server = createServer();
  const kept: unknown[] = [];
  server.on('upgrade', ({ url, headers }, socket) => {
    kept.push(url, headers['x-note']);
    socket.on('error', () => {}).end(answer);
  });
  const { byFront } = await startTaking(server);
  const [note, filler] = ['n'.repeat(40), 'f'.repeat(12_000)];
  const comeAndGo = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) {
      const client = connect(byFront, '127.0.0.1').resume();
      client.write(upgrade(`x-filler: ${turn}${filler}\r\nx-note: ${turn}${note}\r\n`));
      await once(client, 'end');
      client.destroy();
    }
  };
  await comeAndGo(100);
  const before = await heapBytes();
  await comeAndGo(200);
  // The front of this test keeps each head once.
  expect(((await heapBytes()) - before) / 200).toBeLessThan(1.8 * filler.length);
  expect(kept.slice(-2)).toEqual(['/a?b=c', `199${note}`]);
});
