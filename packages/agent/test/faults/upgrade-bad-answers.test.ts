import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, sampleAnswer } from '../support/client.ts';
import { countTcp, patiently, startSeeingTarget } from '../support/wire.ts';

test.each([
  ['101 without Upgrade', sampleAnswer.replace('Upgrade: websocket\r\n', '')],
  ['101 to another protocol', sampleAnswer.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ['101 without an accept key', sampleAnswer.replace(/Sec-WebSocket-Accept: .*\r\n/, '')],
  ['101 with an accept key in other case', sampleAnswer.replace('s3pP', 'S3PP')],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
  ['a head without an end', `HTTP/1.1 101 Switching Protocols\r\nx: ${'y'.repeat(70_000)}`],
  ['an answer with two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  [
    'an answer with length and chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
])('a target that answers an upgrade with %s is 502, and is closed', async (_name, answer) => {
  await expect.poll(countTcp, patiently).toBe(0);
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(answer));
    socket.once('end', () => socket.end());
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const { gone } = await coming;
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
  await gone;
  await expect.poll(countTcp, patiently).toBe(0);
});

test.each([
  ['a folded head', sampleAnswer.replace('Upgrade: websocket', 'Upgrade:\r\n websocket')],
  ['bare LFs', sampleAnswer.replaceAll('\r\n', '\n')],
])('a target that answers an upgrade with %s is understood', async (_name, answer) => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(answer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  await raw.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/);
});

test('a 500 for an upgrade is relayed, and what the target says beyond its length is not', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write('HTTP/1.1 500 Oops\r\ncontent-length: 3\r\n\r\nbadHTTP/1.1 200 OK\r\n\r\n'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const text = await raw.closed();
  expect(text).toMatch(/^HTTP\/1\.1 500 Oops\r\n[\s\S]*\r\n\r\nbad$/);
});

test('a 401 without a body is relayed with its challenge', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n'),
    );
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\nwww-authenticate: Basic\r\n/);
});

test('a refusal that is cut arrives shorter than it says', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.end('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nhalf'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  expect(await raw.closed()).toMatch(/content-length: 100[\s\S]*\r\n\r\n(half)?$/);
});

test('an upgrade of what is no path is refused', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write(sampleAnswer));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, handshakeBytes('elsewhere.test/'));
  await raw.until(/^HTTP\/1\.1 400 [\s\S]*(request|upgrade)_malformed/);
  expect(target.connections).toHaveLength(0);
});
