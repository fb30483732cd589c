import { connect } from 'node:net';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';

async function startServer() {
  const server = await startPushServer({
    config: { serverPortStart: 0, admin: { serverPort: 0 } },
    logger: silentLogger,
  });
  onTestFinished(() => server.close());
  return server;
}

function ask(port: number, target: string, more = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let text = '';
    socket.on('error', reject).on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('\r\n\r\n')) resolve(text);
    });
    socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`);
  });
}

const engine = '/socket.io/?EIO=4&transport=polling&uid=ann';

test('push-servers and admin listeners serve requests for whole URLs', async () => {
  const server = await startServer();
  expect(await ask(server.port, `http://localhost${engine}`)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await ask(server.port, 'http://localhost/api/v1/nothing')).toMatch(
    /^HTTP\/1\.1 40[14] [\s\S]*application\/json/,
  );
  expect(await ask(Number(new URL(server.adminUrl ?? '').port), 'http://localhost/livez')).toMatch(/^HTTP\/1\.1 200 /);
  const key =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  expect(await ask(server.port, 'ws://localhost/socket.io/?EIO=4&transport=websocket&uid=ann', key)).toMatch(
    /^HTTP\/1\.1 101 /,
  );
});

test('push-servers and admin listeners take a fragment off the target of a request', async () => {
  const server = await startServer();
  expect(await ask(server.port, `${engine}#x`)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await ask(Number(new URL(server.adminUrl ?? '').port), '/livez#x')).toMatch(/^HTTP\/1\.1 200 /);
});

test('a page that points its name here is refused by the name in the URL, whatever Host says', async () => {
  const server = await startServer();
  expect(await ask(server.port, `http://evil.example${engine}`)).toMatch(/^HTTP\/1\.1 403 [\s\S]*origin_refused/);
  expect(await ask(server.port, 'http://evil.example/api/v1/nothing')).toMatch(/^HTTP\/1\.1 403 /);
  expect(await ask(Number(new URL(server.adminUrl ?? '').port), 'http://evil.example/state')).toMatch(
    /^HTTP\/1\.1 403 /,
  );
});
