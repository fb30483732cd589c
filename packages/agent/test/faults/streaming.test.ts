import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { startSeeingTarget } from '../support/wire.ts';

test('each server-sent event arrives before the next one is sent, and the headers before the first', async () => {
  let say = (_text: string): void => {};
  let closed: Promise<unknown> = Promise.resolve();
  const target = await startTarget((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    say = (text) => response.write(text);
    closed = once(response, 'close');
  });
  const agent = await startTestAgent(hooksTo({ default: target }), { agent: { answerTimeoutMs: 50 } });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.until(/\r\n\r\n/);
  for (let event = 1; event <= 20; event++) {
    say(`data: event ${event}\n\n`);
    await raw.until(new RegExp(`data: event ${event}\n\n`));
  }
  raw.socket.destroy();
  await closed;
});

test('a body of 256 MB goes through both ways in constant memory, every byte right', { timeout: 60_000 }, async () => {
  const size = 256 * 1024 * 1024;
  const block = Buffer.alloc(1024 * 1024, 'gopush ');
  const target = await startTarget((request, response) => {
    response.writeHead(200, { 'content-length': String(size) });
    request.pipe(response);
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const request = openRequest(agent.url, { method: 'POST', agent: false, headers: { 'content-length': String(size) } });
  const sent = createHash('sha1');
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  onTestFinished(() => clearInterval(watch));
  const got = createHash('sha1');
  const answered = once(request, 'response').then(async ([answer]) => {
    for await (const chunk of answer) got.update(chunk);
  });
  for (let bytes = 0; bytes < size; bytes += block.length) {
    sent.update(block);
    if (!request.write(block)) await once(request, 'drain');
  }
  request.end();
  await answered;
  expect(got.digest('hex')).toBe(sent.digest('hex'));
  // Client, agent and target are all in this process; a body that was gathered would be all of it at once.
  expect((most - before) / size).toBeLessThan(0.8);
});

test('Expect: 100-continue is answered once before the body is sent, by the target', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(
    agent.port,
    'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n',
  );
  await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  raw.socket.write('body');
  const text = await raw.closed();
  expect(text.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200']);
  expect(text).toMatch(/"body":"body"/);
  expect(target.requests[0]?.headers).toHaveProperty('expect');
});

test('an expectation that nobody knows is 417', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nConnection: close\r\n\r\n');
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 417 /);
  expect(target.requests).toHaveLength(0);
});

test('early hints go on as they came, a 100 of the target does not, and neither is taken for the answer', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () =>
      socket.write(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </b>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      ),
    );
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const text = await raw.closed();
  expect(text.match(/^(HTTP\/1\.1 \d+|link: .*)/gm)).toEqual([
    'HTTP/1.1 103',
    'link: </a>',
    'HTTP/1.1 103',
    'link: </b>',
    'HTTP/1.1 200',
  ]);
});

test('a client of HTTP/1.0 is never sent an interim answer nor chunks', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', () =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ),
    );
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, 'GET / HTTP/1.0\r\n\r\n');
  const text = await raw.closed();
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
  expect(text).not.toMatch(/transfer-encoding|1\.1 103|link/i);
});

test('the length that a target gives for a HEAD arrives without a body, and the next answer is not mistaken for it', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.on('data', (chunk) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n${String(chunk).startsWith('HEAD') ? '' : 'hello'}`),
    );
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const head = await send(agent.url, { method: 'HEAD' });
  expect([head.headers['content-length'], head.body]).toEqual(['5', '']);
  expect((await send(agent.url)).body).toBe('hello');
  expect(target.connections).toHaveLength(1);
});

test('trailers of a request reach the target, without those that belong in its head', async () => {
  const target = await startTarget((request, response) => {
    request.resume().once('end', () => response.end(JSON.stringify(request.trailers)));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(
    agent.port,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\nConnection: close\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 42\r\nHost: b\r\n\r\n',
  );
  expect(await raw.closed()).toMatch(/\{"x-sum":"42"\}/);
});
