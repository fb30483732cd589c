import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { makeCertificate, makeFolder } from '../support/certificate.ts';
import { handshakeBytes, openRaw, type RawClient } from '../support/client.ts';
import { startRawTarget, startTarget } from '../support/target.ts';

const run = promisify(execFile);

const refusal = 'HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nlarge';

/** Reads this much, answers, and closes, so that what comes afterwards is met with a reset. */
const refuseAfter = (bytes: number, answer = refusal) =>
  startRawTarget((socket) => {
    let seen = 0;
    const onData = (chunk: Buffer): void => {
      seen += chunk.length;
      if (seen < bytes) return;
      socket.off('data', onData).pause();
      socket.end(answer, () => socket.destroy());
    };
    if (bytes === 0) socket.end(answer, () => socket.destroy());
    else socket.on('data', onData);
  });

/** Resolves when more can be written, or never can. */
const drained = ({ socket }: RawClient): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.once('drain', resolve).once('close', () => resolve());
  });

/** Sends a whole body and reads the answer afterwards, as many libraries do. */
async function upload(port: number, framing: 'chunks' | 'length', bytes: number, more = ''): Promise<RawClient> {
  const chunk = Buffer.alloc(50_000, 'x');
  const isChunked = framing === 'chunks';
  const piece = isChunked ? Buffer.concat([Buffer.from('c350\r\n'), chunk, Buffer.from('\r\n')]) : chunk;
  const header = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`;
  const raw = await openRaw(port, `POST /up HTTP/1.1\r\nHost: gateway.test\r\n${more}${header}\r\n\r\n`);
  raw.socket.pause();
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!raw.socket.write(piece)) await drained(raw);
  }
  if (isChunked) raw.socket.write('0\r\n\r\n');
  raw.socket.resume();
  return raw;
}

test.each([
  ['100 kB', 100_000, 20, 1],
  ['1 MB', 1_000_000, 20, 1],
  ['1 MB, before any of it is read', 1_000_000, 20, 0],
  ['50 MB', 50_000_000, 4, 65_536],
])('a 413 that comes within a body of %s reaches the client each time', async (_size, bytes, times, after) => {
  const agent = await startTestAgent(hooksTo({ default: await refuseAfter(after) }));
  for (let index = 0; index < times; index++) {
    const raw = await upload(agent.port, index % 2 === 0 ? 'length' : 'chunks', bytes);
    const [head] = await raw.until(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\nlarge/);
    // If the whole body was taken, for which the kernel's buffers may be large enough, the connection can serve another request.
    expect(head).toMatch(bytes > 10_000_000 ? /\r\nconnection: close\r\n/i : /\r\nconnection: (close|keep-alive)\r\n/i);
    raw.socket.destroy();
  }
});

test('the reset that follows an answer without a length does not take its head away', async () => {
  const agent = await startTestAgent(hooksTo({ default: await refuseAfter(1, 'HTTP/1.1 413 Too Large\r\n\r\nlarge') }));
  for (let index = 0; index < 20; index++) {
    const raw = await upload(agent.port, 'length', 1_000_000);
    await raw.until(/^HTTP\/1\.1 413 /);
    raw.socket.destroy();
  }
});

test('a client that uploads over TLS gets the early answer as well', async () => {
  const tls = await makeCertificate(await makeFolder(), 'agent');
  const agent = await startTestAgent(hooksTo({ default: await refuseAfter(1) }), { agent: { tls } });
  for (let index = 0; index < 20; index++) {
    const socket = connectTls({ port: agent.port, rejectUnauthorized: false });
    socket.write(`POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000000\r\n\r\n`);
    socket.write(Buffer.alloc(1_000_000, 'x'));
    let text = '';
    for await (const chunk of socket) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 413 [\s\S]*large$/);
  }
});

test('what the agent refuses itself within a body reaches the client', async () => {
  const agent = await startTestAgent({ agent: () => undefined as unknown as string });
  for (let index = 0; index < 20; index++) {
    const raw = await upload(agent.port, index % 2 === 0 ? 'length' : 'chunks', 1_000_000);
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 430 [\s\S]*uid_missing/);
  }
});

test('a target that refuses an upgrade without having read it, and closes, is heard', async () => {
  const answer = 'HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nnever';
  const agent = await startTestAgent(hooksTo({ default: await refuseAfter(0, answer) }));
  for (let index = 0; index < 20; index++) {
    const raw = await openRaw(agent.port, handshakeBytes('/', { 'X-Long': 'x'.repeat(10_000) }));
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nnever$/);
  }
});

test('curl gets the answer within its upload', async () => {
  const dir = await makeFolder();
  const file = join(dir, 'body');
  await writeFile(file, Buffer.alloc(3_000_000, 'x'));
  const agent = await startTestAgent(hooksTo({ default: await refuseAfter(1) }));
  for (const more of [[], ['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect:']]) {
    const { stdout } = await run('curl', ['-s', '-w', '%{http_code}', ...more, '--data-binary', `@${file}`, agent.url]);
    expect(stdout).toBe('large413');
  }
});

test('an answer that keeps the connection leaves it fit for the next request when the rest has come', async () => {
  const target = await startTarget((request, response) => {
    if (request.url === '/up') response.end('early');
    else response.end('next');
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await upload(agent.port, 'chunks', 5_000_000);
  await raw.until(/\r\n\r\nearly$/);
  raw.socket.write('GET /next HTTP/1.1\r\nHost: gateway.test\r\n\r\n');
  await raw.until(/\r\n\r\nnext$/);
});

test.each([
  ['closes', refusal],
  ['keeps', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlarge'],
])('a body without an end is not taken for ever after an answer that %s the connection', async (_what, answer) => {
  const agent = await startTestAgent(hooksTo({ default: await refuseAfter(1, answer) }));
  let sent = 0;
  const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 900000000\r\n\r\n`);
  const chunk = Buffer.alloc(1_000_000, 'x');
  const closed = raw.closed();
  while (!raw.socket.destroyed && sent < 300) {
    sent++;
    if (!raw.socket.write(chunk)) await drained(raw);
  }
  expect(await closed).toMatch(/^HTTP\/1\.1 (413|200) [\s\S]*large$/);
  // 64 MiB, and what the kernel has room for on both sides.
  expect(sent).toBeLessThan(200);
});
