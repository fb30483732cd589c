import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, openUnkept, send } from '../support/client.ts';
import { startEchoTarget } from '../support/target.ts';
import { echoHead, type SeenConnection, startSeeingTarget } from '../support/wire.ts';

/** A target that answers each request with these bytes, and keeps the connection open. */
function startAnswering(bytes: string) {
  return startSeeingTarget(({ socket }: SeenConnection) => {
    socket.on('data', () => socket.write(bytes, 'latin1'));
  });
}

/** An agent with this target, and a client's tunnel through it that has to outlive whatever else happens. */
async function startWith(answer: string) {
  const target = await startAnswering(answer);
  const agent = await startTestAgent(hooksTo({ default: target, echo: await startEchoTarget() }));
  const tunnel = await openRaw(agent.port, handshakeBytes('/?product=echo'));
  await tunnel.until(/"url"/);
  return {
    agent,
    async stillServes() {
      tunnel.socket.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0]));
      // A pong.
      await tunnel.until(new RegExp(String.fromCharCode(0x8a, 0)));
    },
  };
}

const chunked = 'transfer-encoding: chunked';
const hello = '5\r\nhello\r\n0\r\n';

const get = (version = '1.1', method = 'GET') => `${method} / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`;

test.each([
  ['with a length', get(), `200 OK\r\nTrailer: X-Sum\r\ncontent-length: 5\r\n\r\nhello`],
  ['on HEAD', get('1.1', 'HEAD'), `200 OK\r\nTrailer: X-Sum\r\n${chunked}\r\n\r\n`],
  ['on 304', get(), `304 Not Modified\r\nTrailer: X-Sum\r\n${chunked}\r\n\r\n`],
  ['on 204', get(), '204 No Content\r\nTrailer: X-Sum\r\n\r\n'],
  ['towards HTTP/1.0', get('1.0'), `200 OK\r\nTrailer: X-Sum\r\n${chunked}\r\n\r\n${hello}X-Sum: 1\r\n\r\n`],
  ['towards HTTP/1.0, unannounced', get('1.0'), `200 OK\r\n${chunked}\r\n\r\n${hello}X-Sum: 1\r\n\r\n`],
])('trailers announced %s are left out, and the answer arrives', async (_name, request, answer) => {
  const { agent, stillServes } = await startWith(`HTTP/1.1 ${answer}`);
  const raw = await openRaw(agent.port, request);
  const text = await raw.closed();
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${answer.slice(0, 3)} `));
  expect(text).not.toMatch(/trailer|x-sum/i);
  await stillServes();
});

test('trailers after chunks arrive, without those that have their place in heads', async () => {
  const bad = [
    'Content-Length: 9',
    'Content_Length: 9',
    'Set-Cookie: a=b',
    'Transfer-Encoding: gzip',
    'Host: b',
    'X-Named: 1',
  ];
  const { agent } = await startWith(
    `HTTP/1.1 200 OK\r\n${chunked}\r\nTrailer: X-Sum\r\nConnection: x-named\r\n\r\n${hello}X-Sum: 1\r\n${bad.join('\r\n')}\r\n\r\n`,
  );
  const raw = await openRaw(agent.port, get());
  const text = await raw.closed();
  expect(text).toMatch(/\r\nTrailer: X-Sum\r\n/);
  expect(text).toMatch(/hello\r\n0\r\nX-Sum: 1\r\n\r\n$/);
});

test.each([
  ['a name with a space', 'X Sum: 1'],
  ['a value with a control character', 'X-Sum: a\u0001b'],
  ['a value with NUL', 'X-Sum: a\0b'],
  ['a value with a bare CR', 'X-Sum: a\rb'],
  ['a line that continues the one before', 'X-Sum: a\r\n b'],
  ['no name', ': 1'],
  ['no colon', 'x'],
  ['too many', 'a: b\r\n'.repeat(10_000)],
])('trailers with %s cut the one answer that has them', async (_name, trailer) => {
  const { agent, stillServes } = await startWith(`HTTP/1.1 200 OK\r\n${chunked}\r\n\r\n${hello}${trailer}\r\n\r\n`);
  const raw = await openRaw(agent.port, get());
  expect(await raw.closed()).not.toMatch(/0\r\n\r\n$/);
  await stillServes();
});

test.each([
  ['status 000', '000 None'],
  ['status 099', '099 None'],
  ['status 1000', '1000 None'],
  ['no status', ' OK'],
  ['a status with a sign', '+20 OK'],
  ['a reason with a control character', '200 O\u0001K'],
  ['101 without an upgrade', '101 Switching Protocols'],
  ['a name that is no name', '200 OK\r\nx y: 1'],
  ['a value with a bare CR', '200 OK\r\nx: a\rb'],
  ['a control character that looks like a blank', '200 OK\r\ntransfer-encoding: \x0bchunked'],
  ['a length and chunks', `200 OK\r\ncontent-length: 5\r\n${chunked}`],
  ['two lengths', '200 OK\r\ncontent-length: 5\r\ncontent-length: 6'],
  ['lengths in a list', '200 OK\r\ncontent-length: 5, 5'],
  ['two lengths on 304', '304 Not Modified\r\ncontent-length: 5\r\ncontent-length: 6'],
  ['early hints without end', `${'103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 '.repeat(10_000)}200 OK`],
  ['a head beyond all bounds', `200 OK\r\nx: ${'a'.repeat(70_000)}`],
])('an answer with %s is 502, and only that', async (_name, answer) => {
  const { agent, stillServes } = await startWith(`HTTP/1.1 ${answer}\r\n\r\n`);
  const raw = await openRaw(agent.port, get());
  expect(await raw.closed()).toMatch(/HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
  const upgrade = await openRaw(agent.port, handshakeBytes('/'));
  expect(await upgrade.closed()).toMatch(/HTTP\/1\.1 502 [\s\S]*target_bad_answer/);
  await stillServes();
});

test.each([
  [
    '204 with a length and bytes',
    '204 No Content\r\ncontent-length: 5\r\n\r\nhello',
    /^HTTP\/1\.1 204 No Content\r\n(?!.*content-length)/i,
  ],
  ['304 with a length', '304 Not Modified\r\ncontent-length: 5\r\n\r\n', /^HTTP\/1\.1 304 /],
  ['the same length twice', '200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello', /hello$/],
  ['status 999', '999 Denied\r\ncontent-length: 5\r\n\r\nhello', /^HTTP\/1\.1 999 Denied\r\n[\s\S]*hello$/],
  [
    'a reason above ASCII',
    '200 Gr\u00fc\u00df\r\ncontent-length: 5\r\n\r\nhello',
    /^HTTP\/1\.1 200 Gr\u00fc\u00df\r\n/,
  ],
  ['no reason', '200\r\ncontent-length: 5\r\n\r\nhello', /hello$/],
  [
    'headers that say the same of the connection twice',
    '200 OK\r\nConnection: keep-alive\r\nConnection: close\r\ncontent-length: 5\r\n\r\nhello',
    /hello$/,
  ],
  [
    'early hints with a length and trailers',
    '103 Early Hints\r\ncontent-length: 3\r\ntrailer: x\r\ntransfer-encoding: chunked\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello',
    /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*hello$/,
  ],
])('%s is served as it can be understood in one way', async (_name, answer, expected) => {
  const { agent, stillServes } = await startWith(`HTTP/1.1 ${answer}`);
  const raw = await openRaw(agent.port, get());
  const text = await raw.closed();
  expect(text).toMatch(expected);
  expect(text.match(/content-length/gi)?.length ?? 0).toBeLessThanOrEqual(1);
  await stillServes();
});

test('a target that closes within its trailers cuts the answer, and is not waited for', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.on('data', () => socket.end(`HTTP/1.1 200 OK\r\n${chunked}\r\nTrailer: X-Sum\r\n\r\n${hello}X-Su`));
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await raw.closed()).not.toMatch(/0\r\n/);
});

test('a client that leaves between head and trailers takes only its own request with it', async () => {
  const target = await startSeeingTarget(({ socket }) => {
    socket.on('data', (chunk) => {
      if (String(chunk).includes('/slow'))
        socket.write(`HTTP/1.1 200 OK\r\n${chunked}\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n`);
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  const agent = await startTestAgent(hooksTo({ default: target }));
  const coming = target.next();
  const raw = await openRaw(agent.port, 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
  const { socket } = await coming;
  await raw.until(/hello/);
  raw.socket.resetAndDestroy();
  socket.write('0\r\nX-Sum: 1\r\n\r\n');
  expect((await send(agent.url)).body).toBe('ok');
});

test('an answer that is refused once it began is counted and logged', async () => {
  const { log, lines } = createMemoryLog();
  const target = await startAnswering(`HTTP/1.1 200 OK\r\n${chunked}\r\n\r\n${hello}X Sum: 1\r\n\r\n`);
  const agent = await startTestAgent(hooksTo({ default: target }), {}, log);
  await openRaw(agent.port, get()).then((raw) => raw.closed());
  await expect
    .poll(() => lines.filter(({ fields }) => fields.code === 'target_bad_answer').map(({ level }) => level))
    .toEqual(['warn', 'info']);
});

test('a path that a hook made of control characters, or of what becomes some, is not written', async () => {
  const target = await startSeeingTarget(echoHead);
  for (const path of ['/a\r\nx-gopush-uid: eve', '/a b', '/\u010d\u010ax-gopush-uid:eve', '//x\ny']) {
    const agent = await startTestAgent({
      agent: (request) => {
        Object.assign(request, { url: path });
        return 'ann';
      },
      router: { default: target },
    });
    const answer = await send(agent.url);
    expect([path, answer.status, codeOf(answer)]).toEqual([path, 500, 'internal']);
    expect(await openRaw(agent.port, handshakeBytes('/')).then((raw) => raw.closed())).not.toMatch(/^HTTP\/1\.1 [12]/);
  }
  expect(target.connections).toHaveLength(0);
});

test('a host that a hook set to what would be two headers is not written', async () => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent({
    agent: (request) => {
      Object.assign(request.headers, { host: 'a\u010d\u010ax-gopush-uid: eve' });
      return 'ann';
    },
    router: { default: target },
  });
  expect(codeOf(await send(agent.url))).toBe('internal');
  expect(target.connections).toHaveLength(0);
});

test('whatever a target answers, and however it is truncated, the agent goes on serving', {
  timeout: 60_000,
}, async () => {
  let pieces: string[] = [];
  const target = await startSeeingTarget(({ socket }) => {
    socket.once('data', async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        socket.write(piece, 'latin1');
        await new Promise(setImmediate);
      }
      socket.end();
    });
  });
  const { log, lines } = createMemoryLog();
  const router = { default: target, echo: await startEchoTarget() };
  const agent = await startTestAgent(hooksTo(router), { health: { failures: 1_000 } }, log);
  const tunnel = await openRaw(agent.port, handshakeBytes('/?product=echo'));
  await tunnel.until(/"url"/);
  const line = fc.constantFrom(
    'Trailer: X-Sum',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Content-Length: 5',
    'content-length: 0',
    'Content-Length: 99999999999999999999',
    'Connection: x-sum, close',
    'Connection: keep-alive, trailer, content-length',
    'Upgrade: websocket',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    'X-Gopush-Resume: token',
    'X-Gopush-Resume-Skip: 99999',
    'X-Gopush-Error: too_many_connections',
    'Keep-Alive: timeout=0',
    'Set-Cookie: \u00ff',
    'X: a\u0001b',
    'X Y: 1',
    '',
  );
  const status = fc.constantFrom(
    '200 OK',
    '100 Continue',
    '101 Up',
    '103 Hints',
    '204 No',
    '304 Not',
    '000',
    '099 x',
    '503 Full',
    '999 x',
    '200 \u0001',
  );
  const body = fc.constantFrom(
    'hello',
    '5\r\nhello\r\n0\r\n',
    'X-Sum: 1\r\n\r\n',
    'X Sum: 1\r\n\r\n',
    '0\r\n\r\n',
    '\r\n\r\n',
    '\x81\x05hello',
    '\x89\x0cgopush:drain',
    '\x88\x02\x03\xe8',
  );
  const head = fc.tuple(fc.constantFrom('1.0', '1.1'), status, fc.array(line, { maxLength: 5 }));
  const answer = fc
    .tuple(fc.array(head, { minLength: 1, maxLength: 3 }), fc.array(body, { maxLength: 3 }))
    .map(([heads, bodies]) =>
      [
        ...heads.map(
          ([version, said, lines]) => `HTTP/${version} ${said}\r\n${lines.map((one) => `${one}\r\n`).join('')}\r\n`,
        ),
        ...bodies,
      ].join(''),
    );
  const request = fc.constantFrom(get(), get('1.0'), get('1.1', 'HEAD'), get('1.1', 'OPTIONS'), handshakeBytes('/'));
  await fc.assert(
    fc.asyncProperty(answer, request, fc.array(fc.nat(400), { maxLength: 4 }), async (said, asked, cuts) => {
      const places = [...new Set([0, ...cuts.filter((cut) => cut < said.length), said.length])].sort((a, b) => a - b);
      pieces = places.slice(1).map((place, index) => said.slice(places[index], place));
      const raw = await openUnkept(agent.port, asked);
      raw.socket.once('end', () => raw.socket.end());
      await raw.closed();
      raw.socket.destroy();
    }),
    { numRuns: 600 },
  );
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  tunnel.socket.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0]));
  await tunnel.until(new RegExp(String.fromCharCode(0x8a, 0)));
});
