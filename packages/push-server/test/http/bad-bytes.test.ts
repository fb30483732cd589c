import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startPushServers } from '../../../../test/support/gateway.ts';

/** All that comes back for these bytes until the other side closes. */
function ask(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(port, '127.0.0.1')
      .on('error', reject)
      .on('data', (chunk) => {
        text += chunk;
      })
      .once('close', () => resolve(text))
      .end(bytes);
  });
}

const host = 'Host: localhost\r\n';
const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

test.each([
  [
    'headers that are too large',
    `GET / HTTP/1.1\r\n${host}Cookie: a=${'x'.repeat(60_000)}\r\n\r\n`,
    '431',
    'headers_too_large',
  ],
  ['no request at all', 'hello\r\n\r\n', '400', 'request_malformed'],
  [
    'two lengths',
    `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`,
    '400',
    'request_malformed',
  ],
  ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', '405', 'method_unsupported'],
  ['a request without a Host', 'GET /api/v1/presence HTTP/1.1\r\n\r\n', '400', 'request_malformed'],
  [
    'a handshake without a Host',
    `GET /socket.io/?EIO=4&transport=websocket&uid=a HTTP/1.1\r\n${upgrade}${key}\r\n`,
    '400',
    'request_malformed',
  ],
])('a push-server that gets %s answers with a code, and serves on', async (_what, bytes, status, code) => {
  const [server] = await startPushServers(1);
  const port = server?.port as number;
  const text = await ask(port, bytes);
  expect(text.slice(9, 12)).toBe(status);
  expect(text).toContain(code);
  expect(await ask(port, 'GET /nothing HTTP/1.0\r\n\r\n')).toContain('not_found');
});
