import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serveUpgrades } from '../src/serve-upgrades.ts';

const offer = 'Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n';

/** Says what it was asked, and how many bytes of a body came. */
const describe: RequestListener = async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  response.end(`<${request.method} ${request.url} ${body.length}>`);
};

async function start(onRequest = describe): Promise<(bytes: string) => Promise<string>> {
  const server = createServer({ requireHostHeader: false }, onRequest);
  server.on(
    'upgrade',
    serveUpgrades(server, ({ url }, socket) => void socket.end(`HTTP/1.1 101 Switching\r\n\r\n<101 ${url}>`)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return async (bytes) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(bytes, 'latin1');
    await once(socket, 'close');
    return text;
  };
}

const last = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const answers = (text: string): string[] => text.match(/<[^>]+>/g) ?? [];

test.each([
  ['GET', `GET /1 HTTP/1.1\r\n${offer}\r\n`, '<GET /1 0>'],
  ['a length', `POST /1 HTTP/1.1\r\n${offer}Content-Length: 3\r\n\r\nabc`, '<POST /1 3>'],
  ['chunks', `PUT /1 HTTP/1.1\r\n${offer}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, '<PUT /1 3>'],
  ['TLS/1.2', 'GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n', '<GET /1 0>'],
  ['two', 'GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n', '<GET /1 0>'],
  ['none', 'GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade:\r\n\r\n', '<GET /1 0>'],
  ['a byte beyond ASCII', `GET /1 HTTP/1.1\r\n${offer}X: \xe9\r\n\r\n`, '<GET /1 0>'],
])('an offer of another protocol (%s) is ignored, and what follows is served', async (_name, bytes, first) => {
  const send = await start();
  expect(answers(await send(bytes + last))).toEqual([first, '<GET /last 0>']);
  // The same behind a request whose response is still to come, and twice.
  expect(answers(await send(`GET /0 HTTP/1.1\r\nHost: x\r\n\r\n${bytes}${bytes}${last}`))).toEqual([
    '<GET /0 0>',
    first,
    first,
    '<GET /last 0>',
  ]);
});

test('HTTP/1.0 has no upgrades', async () => {
  const send = await start();
  const bytes = 'GET /1 HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n';
  expect(answers(await send(bytes))).toEqual(['<GET /1 0>']);
});

test.each(['websocket', 'WebSocket', 'h2c, websocket'])('an upgrade to %s comes in its turn', async (protocols) => {
  const large = 'x'.repeat(3_000_000);
  const send = await start((request, response) => {
    setImmediate(() => {
      response.write(large);
      response.once('drain', () => response.end(`<GET ${request.url} 0>`));
    });
  });
  const upgrade = `GET /up HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: ${protocols}\r\nSec-WebSocket-Key: x\r\n\r\n`;
  const text = await send(`GET /0 HTTP/1.1\r\nHost: x\r\n\r\nGET /1 HTTP/1.1\r\nHost: x\r\n\r\n${upgrade}`);
  expect(answers(text)).toEqual(['<GET /0 0>', '<GET /1 0>', '<101 /up>']);
});

test('many headers before the one that frames the body do not hide it', async () => {
  const send = await start();
  const many = 'a:\r\n'.repeat(2_500);
  const bytes = `POST /1 HTTP/1.1\r\n${offer}${many}Content-Length: ${last.length}\r\n\r\n${last}`;
  expect(answers(await send(bytes + last))).toEqual([`<POST /1 ${last.length}>`, '<GET /last 0>']);
});
