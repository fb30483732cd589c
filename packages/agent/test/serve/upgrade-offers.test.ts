import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { startSeeingTarget } from '../support/wire.ts';

const run = promisify(execFile);

const offer = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA' };

test.each(['GET', 'POST', 'DELETE', 'OPTIONS'])(
  '%s with an offer of h2c reaches the target without the offer',
  async (method) => {
    const agent = await startTestAgent(hooksTo({ default: await startTarget() }));
    const body = method === 'POST' ? 'x'.repeat(100_000) : undefined;
    const answer = await send(`${agent.url}/a?b=1`, {
      method,
      headers: { ...offer, 'x-own': '1' },
      ...(body && { body }),
    });
    expect(answer.status).toBe(200);
    const seen = JSON.parse(answer.body);
    expect(seen).toMatchObject({
      method,
      url: '/a?b=1',
      body: body ?? '',
      headers: { 'x-own': '1', 'x-gopush-uid': 'ann' },
    });
    expect(seen.headers).not.toHaveProperty('upgrade');
    expect(seen.headers).not.toHaveProperty('http2-settings');
  },
);

test('settings of HTTP/2 that Connection does not name stay behind as well', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }));
  const { body } = await send(agent.url, { headers: { 'http2-settings': 'AAMAAABkAAQ', upgrade: 'h2c' } });
  expect(JSON.parse(body).headers).not.toHaveProperty('http2-settings');
  expect(JSON.parse(body).headers).not.toHaveProperty('upgrade');
});

test('requests with an offer share a connection, and a WebSocket may come after them', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget((_, response) => response.end('fine')) }));
  const lines = 'Host: gateway.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
  const raw = await openRaw(agent.port, `GET /1 HTTP/1.1\r\n${lines}`);
  await raw.until(/fine$/);
  raw.socket.write(`GET /2 HTTP/1.1\r\n${lines}GET /3 HTTP/1.1\r\n${lines}`);
  await raw.until(/(fine[\s\S]*){3}$/);
  raw.socket.write(handshakeBytes('/', { 'Sec-WebSocket-Key': 'short' }));
  expect(await raw.closed()).toMatch(/(fine[\s\S]*){3}HTTP\/1\.1 400 [\s\S]*upgrade_malformed/);
});

test('curl --http2 gets its answer, over TLS as well', async () => {
  const router = { default: await startTarget(({ httpVersion }, response) => response.end(`HTTP/${httpVersion}`)) };
  const tls = await makeCertificate(await makeFolder(), 'agent');
  const agents = [await startTestAgent(hooksTo(router)), await startTestAgent(hooksTo(router), { agent: { tls } })];
  for (const { url } of agents) {
    for (const more of [[], ['-d', 'x=1'], ['-T', '/etc/hostname'], ['--http2', '-H', 'Upgrade: TLS/1.2']]) {
      const { stdout } = await run('curl', ['-ks', '--http2', ...more, url.replace('0.0.0.0', '127.0.0.1')]);
      expect(stdout).toBe('HTTP/1.1');
    }
  }
});

test.each([
  ['a request', `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`],
  ['a handshake', handshakeBytes('/')],
])('a target that switches to h2c on %s, which was not offered, is 502', async (_name, bytes) => {
  const target = await startSeeingTarget(({ socket }) =>
    socket.once('data', () => socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')),
  );
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, bytes);
  await raw.until(/^HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
  expect(target.connections[0]?.text()).not.toMatch(/h2c/);
});
