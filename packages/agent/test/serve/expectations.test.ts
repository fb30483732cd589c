import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { defineAgentApp } from '@gopush/contract';
import express from 'express';
import { expect, test } from 'vitest';
import { untilMetric } from '../support/admin.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw } from '../support/client.ts';
import { startRawTarget, startTarget } from '../support/target.ts';
import { startSeeingTarget } from '../support/wire.ts';

const run = promisify(execFile);

const waiting = (more = 'Content-Length: 4\r\n', path = '/'): string =>
  `POST ${path} HTTP/1.1\r\nHost: gateway.test\r\nExpect: 100-continue\r\n${more}\r\n`;
const ok = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok';

test('a client that waits for a 100 gets it from its target, before the body', async () => {
  const target = await startSeeingTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  for (const framing of ['Content-Length: 4\r\n', 'Transfer-Encoding: chunked\r\n']) {
    const coming = target.next();
    const raw = await openRaw(agent.port, waiting(framing));
    const { socket, until } = await coming;
    await until(/expect: 100-continue[\s\S]*\r\n\r\n$/);
    expect(raw.text()).toBe('');
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    raw.socket.write(framing.startsWith('T') ? '4\r\nbody\r\n0\r\n\r\n' : 'body');
    await until(/body(\r\n0\r\n\r\n)?$/);
    socket.write(ok);
    await raw.until(/^HTTP\/1\.1 100 [\s\S]*HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/);
  }
});

test.each([
  ['417', 'HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n'],
  ['401', 'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n'],
])('a target that answers %s instead is heard without a 100, and the connection ends', async (status, answer) => {
  const target = await startRawTarget((socket) => socket.once('data', () => socket.write(answer)));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, waiting());
  expect(await raw.closed()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*connection: close\\r\\n`, 'i'));
});

test('a client that the agent refuses gets no 100', async () => {
  const agent = await startTestAgent({ agent: () => undefined as unknown as string });
  const raw = await openRaw(agent.port, waiting());
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 430 [\s\S]*uid_missing/);
});

test('a hook that reads the body asks for it, and the target is not asked again', async () => {
  const target = await startTarget();
  const agent = await startTestAgent({
    agent: defineAgentApp((app) => {
      app.use(express.text({ type: () => true }), (_request, response, next) => {
        response.locals.uid = 'ann';
        next();
      });
    }),
    router: { default: target },
  });
  const raw = await openRaw(agent.port, waiting());
  await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  raw.socket.write('body');
  const [text] = await raw.until(/HTTP\/1\.1 200 [\s\S]*}$/);
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))).toMatchObject({ body: 'body' });
  expect(target.requests[0]?.headers).not.toHaveProperty('expect');
});

test('a target that never asks for the body is sent it after a second, and a client that does not wait is served', async () => {
  const target = await startRawTarget((socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.endsWith('body')) socket.write(ok);
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const waits = await openRaw(agent.port, waiting());
  await waits.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  waits.socket.write('body');
  await waits.until(/\r\n\r\nok$/);
  const hurries = await openRaw(agent.port, `${waiting()}body`);
  await hurries.until(/\r\n\r\nok$/);
});

test('curl that waits for a 100 uploads, over a kept connection as well', async () => {
  const target = await startTarget(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(`<${bytes}>`);
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const upload = ['-H', 'Expect: 100-continue', '--data-binary', 'x'.repeat(50_000), agent.url];
  const { stdout } = await run('curl', ['-s', ...upload, '--next', '-s', ...upload]);
  expect(stdout).toBe('<50000><50000>');
});

test('a 100 for a request without a body is nothing to wait for', async () => {
  const target = await startSeeingTarget(({ socket }) => socket.once('data', () => socket.write(ok)));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, waiting('Content-Length: 0\r\n'));
  await raw.until(/^HTTP\/1\.1 200 [\s\S]*ok$/);
  expect(target.connections[0]?.text()).not.toMatch(/expect/i);
});

test.each([
  ['an expectation that nobody knows', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 417, 'expectation_unknown'],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, 'request_malformed'],
  [
    'no host, in a handshake',
    'GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    400,
    'request_malformed',
  ],
  ['CONNECT', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 405, 'method_unsupported'],
  ['CONNECT without a host', 'CONNECT a.test:443 HTTP/1.0\r\n\r\n', 405, 'method_unsupported'],
  ['* of another method', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
])('%s has a code', async (_name, bytes, status, code) => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { admin: { agentPort: 0 } });
  const raw = await openRaw(agent.port, bytes);
  await raw.until(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*x-gopush-error: ${code}`));
  await untilMetric(agent, `failures_total{code="${code}"}`, 1);
});

test('OPTIONS * reaches the target', async () => {
  const target = await startTarget((_request, response) => response.writeHead(204, { allow: 'GET' }).end());
  const agent = await startTestAgent(hooksTo({ default: { ...target, identity: 'query+headers' } as never }));
  const raw = await openRaw(agent.port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.until(/^HTTP\/1\.1 204 [\s\S]*allow: GET/);
  expect(target.requests[0]).toMatchObject({ method: 'OPTIONS', url: '*', headers: { 'x-gopush-uid': 'ann' } });
});

test.each([
  ['426', 'Upgrade: TLS/1.3', /\r\nupgrade: TLS\/1\.3\r\n[\s\S]*connection: Upgrade/i],
  ['407', 'Proxy-Authenticate: Basic realm="a"', /\r\nproxy-authenticate: Basic realm="a"\r\n/i],
  ['401', 'WWW-Authenticate: Basic realm="a"', /\r\nwww-authenticate: Basic realm="a"\r\n/i],
  ['405', 'Allow: GET', /\r\nallow: GET\r\n/i],
])('%s of a target keeps what it must come with, on requests and upgrades', async (status, header, expected) => {
  const answer = `HTTP/1.1 ${status} No\r\n${header}\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno`;
  const target = await startRawTarget((socket) => socket.on('data', () => socket.write(answer)));
  const agent = await startTestAgent(hooksTo({ default: target }));
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  for (const more of ['', 'Connection: close\r\n', upgrade]) {
    const raw = await openRaw(agent.port, `GET / HTTP/1.1\r\nHost: a\r\n${more}\r\n`);
    const [text] = await raw.until(/\r\n\r\nno$/);
    expect(raw.text() || text).toMatch(expected);
    if (more === '') raw.socket.destroy();
    else expect(await raw.closed()).toMatch(/connection:[^\n]*close/i);
  }
});
