import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { apiConfig, keys, startApis } from '../../../../test/support/api.ts';

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

test('a push-server asks for a body only when it takes it, and knows no other expectation', async () => {
  const [server] = await startApis(1);
  const ask = async (key: string, expectation: string, until: RegExp, then = ''): Promise<string> => {
    const socket = connect(server?.port ?? 0, '127.0.0.1');
    socket.write(`POST /api/v1/rooms/a/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n`);
    socket.write(`Expect: ${expectation}\r\nContent-Length: 26\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (/^HTTP\/1\.1 100 Continue\r\n\r\n$/.test(text)) socket.write(then);
      if (until.test(text)) break;
    }
    return text;
  };
  expect(await ask('wrong', '100-continue', /}$/)).toMatch(/^HTTP\/1\.1 401 /);
  expect(await ask(keys.all, 'tea', /}$/)).toMatch(/^HTTP\/1\.1 417 [\s\S]*expectation_unknown/);
  expect(await ask(keys.all, '100-continue', /position/, '{"event":"e","message":12}')).toMatch(
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
  );
});
