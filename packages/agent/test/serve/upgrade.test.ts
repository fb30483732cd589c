import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { startEchoTarget, startRawTarget, startTarget } from '../support/target.ts';

test('a WebSocket reaches the target with its headers and cookies, and messages go both ways', async () => {
  const target = await startEchoTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const socket = new WebSocket(`${agent.url}/chat?x=1`, { headers: { cookie: 'a=1', 'x-own': 'yes' } });
  const [hello] = await once(socket, 'message');
  expect(JSON.parse(String(hello))).toMatchObject({
    url: '/chat?x=1',
    headers: { cookie: 'a=1', 'x-own': 'yes', 'x-gopush-uid': 'ann', 'x-gopush-product': 'default' },
  });
  const big = Buffer.alloc(1_000_000, 'x');
  socket.send(big);
  const [echo] = await once(socket, 'message');
  expect(big.equals(echo)).toBe(true);
  socket.close(4001, 'bye');
  expect((await once(socket, 'close'))[0]).toBe(4001);
});

test('bytes glued to the handshake and to its answer are not lost', async () => {
  const target = await startRawTarget((socket) => {
    socket.once('data', () => {
      socket.write(`${sampleAnswer}glued:`);
      socket.pipe(socket);
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, `${handshakeBytes('/')}early bytes`);
  await raw.until(/\r\n\r\nglued:early bytes$/);
});

test.each([
  ['200', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello', /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nhello$/],
  [
    '400 in chunks',
    'HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\n\r\nbad$/,
  ],
  [
    'a redirect',
    'HTTP/1.1 301 Moved\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n',
    /^HTTP\/1\.1 301 Moved\r\nlocation: \/x\r\n/,
  ],
])(
  'a target that answers an upgrade with %s is relayed whole, and the connection ends',
  async (_name, answer, expected) => {
    const target = await startRawTarget((socket) => socket.once('data', () => socket.write(answer)));
    const agent = await startTestAgent(hooksTo({ default: target }));
    const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
    expect(text).toMatch(expected);
    expect(text).toMatch(/\r\nconnection: close\r\n/i);
  },
);

test('a target that answers 101 with a wrong accept key is 502', async () => {
  const target = await startRawTarget((socket) =>
    socket.once('data', () => socket.write(sampleAnswer.replace('s3pP', 'AAAA'))),
  );
  const agent = await startTestAgent(hooksTo({ default: target }));
  const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(text).toMatch(/^HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
});

test('a target that is silent after an upgrade request is 504', async () => {
  const target = await startRawTarget(() => {});
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: { handshakeTimeoutMs: 50 } });
  const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(text).toMatch(/^HTTP\/1\.1 504 [\s\S]*target_silent/);
});

test('a target that cannot be reached is 502 on an upgrade', async () => {
  const target = await startTarget();
  target.server.close();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const text = await (await openRaw(agent.port, handshakeBytes('/'))).closed();
  expect(text).toMatch(/^HTTP\/1\.1 502 [\s\S]*target_unreachable/);
});

test.each([
  ['version 7', { 'Sec-WebSocket-Version': '7' }, 426, 'upgrade_version'],
  ['no version', { 'Sec-WebSocket-Version': '' }, 426, 'upgrade_version'],
  ['a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400, 'upgrade_malformed'],
  ['no key', { 'Sec-WebSocket-Key': '' }, 400, 'upgrade_malformed'],
  ['a body', { 'Content-Length': '3' }, 400, 'upgrade_malformed'],
])('an upgrade with %s is refused', async (_name, headers, status, code) => {
  const target = await startEchoTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const text = await (await openRaw(agent.port, handshakeBytes('/', headers))).closed();
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*${code}`));
  expect(target.requests).toHaveLength(0);
});

test('a POST that asks for an upgrade is refused', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }));
  const text = await (await openRaw(agent.port, handshakeBytes('/').replace('GET', 'POST'))).closed();
  expect(text).toMatch(/upgrade_malformed/);
});

test.each([
  ['a foreign page', 'https://evil.test', [], 403],
  ['the own host behind TLS', 'https://gateway.test', [], 101],
  ['an allowed page', 'https://app.test', ['https://app.test'], 101],
  ['any page where all are allowed', 'https://evil.test', ['*'], 101],
  ['a sandboxed page', 'null', [], 403],
])('an upgrade from %s', async (_name, origin, allowedOrigins, status) => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), { access: { allowedOrigins } });
  const raw = await openRaw(agent.port, handshakeBytes('/', { Origin: origin, Cookie: 'a=1' }));
  expect((await raw.until(/^HTTP\/1\.1 (\d+)/))[1]).toBe(String(status));
});

test('a client that resets its tunnel resets the target, and the other way round', async () => {
  const closes: Promise<unknown>[] = [];
  const target = await startRawTarget((socket) => {
    socket.once('data', () => socket.write(sampleAnswer));
    closes.push(new Promise((resolve) => socket.once('error', resolve)));
    socket.on('data', (chunk) => String(chunk) === 'reset me' && socket.resetAndDestroy());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const leaving = await openRaw(agent.port, handshakeBytes('/'));
  await leaving.until(/\r\n\r\n/);
  leaving.socket.resetAndDestroy();
  expect(await closes[0]).toMatchObject({ code: 'ECONNRESET' });

  const staying = await openRaw(agent.port, handshakeBytes('/'));
  await staying.until(/\r\n\r\n/);
  const reset = once(staying.socket, 'error');
  staying.socket.write('reset me');
  expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
});

test('what is still on the way when one side ends arrives', async () => {
  const target = await startRawTarget((socket) => {
    socket.once('data', () => socket.write(sampleAnswer));
    socket.once('end', () => socket.end('last words'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await raw.until(/\r\n\r\n/);
  raw.socket.end();
  expect(await raw.closed()).toMatch(/last words$/);
});

test('a client that vanishes in mid-handshake leaves nothing open at the target', async () => {
  let asked: () => void;
  const wasAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let gone: Promise<unknown> | undefined;
  const target = await startRawTarget((socket) => {
    gone = once(socket, 'close');
    socket.once('data', () => asked());
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await wasAsked;
  raw.socket.resetAndDestroy();
  await gone;
});

test('a client that vanishes while a hook thinks about it is not taken to the target', async () => {
  let asked = (): void => {};
  const wasAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let answer = (_uid: string): void => {};
  let connections = 0;
  const target = await startRawTarget((socket) => {
    connections++;
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent({
    agent: (request) => {
      if (request.url !== '/first') return 'ann';
      asked();
      return new Promise<string>((resolve) => {
        answer = resolve;
      });
    },
    router: { default: target },
  });
  const raw = await openRaw(agent.port, handshakeBytes('/first'));
  await wasAsked;
  raw.socket.resetAndDestroy();
  await raw.closed();
  // A whole tunnel by someone else: by then the agent has seen the reset.
  await (await openRaw(agent.port, handshakeBytes('/second'))).until(/\r\n\r\n/);
  answer('ann');
  await (await openRaw(agent.port, handshakeBytes('/third'))).until(/\r\n\r\n/);
  expect(connections).toBe(2);
});

test('closing the agent cuts tunnels after the drain time, and answers what is left', async () => {
  // Clients that were handed over stay.
  const settings = { handOff: { enabled: false } };
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), settings);
  const socket = new WebSocket(agent.url);
  await once(socket, 'message');
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  await agent.close();
  await closed;
});
