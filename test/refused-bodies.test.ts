import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { apiConfig, keys, startApis } from './support/api.ts';

/** Sends a large body whole and reads the response afterwards. */
async function post(port: number, path: string, key: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n`);
  socket.write('Content-Length: 3000000\r\n\r\n');
  await new Promise((resolve) => {
    socket.write(Buffer.alloc(3_000_000, 'x'), resolve);
  });
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test('a push-server that refuses a request within its body is heard each time', async () => {
  const [server] = await startApis(1, { api: { ...apiConfig, maxBodyBytes: 1_024 } });
  const { port = 0 } = server ?? {};
  for (let index = 0; index < 10; index++) {
    expect(await post(port, '/api/v1/rooms/a/publish', 'wrong')).toMatch(/^HTTP\/1\.1 401 [\s\S]*api_key_unknown/);
    expect(await post(port, '/api/v1/rooms/a/publish', keys.all)).toMatch(/^HTTP\/1\.1 413 [\s\S]*body_too_large/);
  }
});
