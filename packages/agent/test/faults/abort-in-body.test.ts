import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { countTcp, createSignal, patiently, startSeeingTarget } from '../support/wire.ts';

const withLength = 'Content-Length: 10\r\n\r\nhalf';
const inChunks = 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';

test.each([
  ['with a length', 'destroy', withLength],
  ['with a length', 'resetAndDestroy', withLength],
  ['with a length', 'end', withLength],
  ['in chunks', 'destroy', inChunks],
  ['in chunks', 'resetAndDestroy', inChunks],
  ['in chunks', 'end', inChunks],
] as const)(
  'an upload %s that the client aborts by %s is an abort for the target, not a whole body',
  async (_name, abort, rest) => {
    const outcome = createSignal<string>();
    const half = createSignal();
    const target = await startTarget((request) => {
      request.on('data', () => half.resolve());
      request.once('end', () => outcome.resolve('whole'));
      request.once('error', () => outcome.resolve('aborted'));
    });
    const agent = await startTestAgent(hooksTo({ default: target }));
    const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    await half.promise;
    raw.socket[abort]();
    expect(await outcome.promise).toBe('aborted');
  },
);

test.each([
  ['with a length', 'content-length: 10\r\n\r\nhalf'],
  ['in chunks', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ['in chunks, cut within a chunk', 'transfer-encoding: chunked\r\n\r\n9\r\nhalf'],
  ['in chunks, cut before the last line', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n'],
])('an answer %s whose target dies arrives cut, whether it ends or resets', async (_name, rest) => {
  for (const die of ['end', 'resetAndDestroy'] as const) {
    const target = await startSeeingTarget(({ socket }) => {
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${rest}`));
    });
    const agent = await startTestAgent(hooksTo({ default: target }));
    const coming = target.next();
    const request = openRequest(agent.url, { agent: false }).end();
    const { socket } = await coming;
    const [answer] = await once(request, 'response');
    expect(String((await once(answer, 'data'))[0])).toBe('half');
    const error = once(answer, 'error');
    socket[die]();
    expect((await error)[0]).toMatchObject({ code: 'ECONNRESET' });
  }
});

test('an answer without a length whose target resets arrives cut', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf'));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const { socket } = await coming;
  await raw.until(/half\r\n$/);
  socket.resetAndDestroy();
  // Without its last chunk it is no whole answer.
  expect(await raw.closed()).toMatch(/transfer-encoding: chunked[\s\S]*\r\n4\r\nhalf\r\n$/i);
});

test('a target that dies while an upload is on its way is 502, and the connection is not used again', async () => {
  await expect.poll(countTcp, patiently).toBe(0);
  const target = await startSeeingTarget();
  const agent = await startTestAgent(hooksTo({ default: target }), { health: { checkTimeoutMs: 50 } });
  const coming = target.next();
  const raw = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  const { socket, until } = await coming;
  await until(/half$/);
  socket.resetAndDestroy();
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 502 [\s\S]*connection: close[\s\S]*target_reset/i);
  await expect.poll(countTcp, patiently).toBe(0);
});

test('an answer that comes before the upload is over reaches a client that goes on sending, and does not leave it hanging', async () => {
  const accepted = createSignal<Socket>();
  // It reads the head of the request only, so that the upload stands still when the answer comes.
  const server = createServer({ pauseOnConnect: true }, (socket) => accepted.resolve(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const agent = await startTestAgent(hooksTo({ default: { ip: '127.0.0.1', port } }));
  const body = Buffer.alloc(64_000_000, 'x');
  const raw = await openRaw(agent.port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
  raw.socket.write(body);
  // Gets its answer from the gateway alone, once all that is before it was taken.
  raw.socket.write('GET * HTTP/1.1\r\nHost: a\r\n\r\n');
  const socket = await accepted.promise;
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  // The agent stops reading once the target takes no more.
  await new Promise<void>((resolve) => {
    let before = -1;
    let same = 0;
    const look = (): void => {
      same = raw.socket.bytesWritten - raw.socket.writableLength === before ? same + 1 : 0;
      before = raw.socket.bytesWritten - raw.socket.writableLength;
      if (same < 2_000) setImmediate(look);
      else resolve();
    };
    look();
  });
  socket.write('HTTP/1.1 413 Content Too Large\r\ncontent-length: 9\r\n\r\ntoo large');
  await raw.until(/^HTTP\/1\.1 413 [\s\S]*too large/);
  await raw.until(/request_malformed/);
});
