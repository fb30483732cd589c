import { request as openRequest, type RequestListener } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { defineAgentApp } from '@gopush/contract';
import compression from 'compression';
import cors from 'cors';
import express, { type RequestHandler } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import { expect, test } from 'vitest';
import { startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { express4 } from '../support/express-4.ts';
import { startRawTarget, startTarget } from '../support/target.ts';

/** An agent whose hook is an app with these middlewares; everybody is `ann`. */
async function startWith(middlewares: RequestHandler[], handler: RequestListener, uid: string | null = 'ann') {
  const target = await startTarget(handler);
  const agent = defineAgentApp((app) => {
    app.use(...middlewares, (_request, response, next) => {
      response.locals.uid = uid;
      next();
    });
  });
  return startTestAgent({ agent, onupgrade: () => 'ann', router: { default: target } });
}

const framings: [string, RequestListener][] = [
  ['a length', (_request, response) => response.setHeader('content-length', '5').end('hello')],
  [
    'chunks',
    (_request, response) => {
      response.write('he');
      response.end('llo');
    },
  ],
];

/** Sets what a target sets, then answers. */
function withHeaders(headers: [string, string][], then: RequestListener): RequestListener {
  return (request, response) => {
    for (const [name, value] of headers) response.appendHeader(name, value);
    then(request, response);
  };
}

const cookiesOfTarget: [string, string][] = [
  ['set-cookie', 'a=1'],
  ['set-cookie', 'b=2'],
];

const setCookie: RequestHandler = (_request, response, next) => {
  response.cookie('seen', 'yes');
  next();
};

const asAnn: RequestHandler = (_request, response, next) => {
  response.locals.uid = 'ann';
  next();
};

const sessions = () => session({ secret: 'of the test', resave: false, saveUninitialized: true, name: 'sid' });

test.each(framings)(
  'cookies of a session in the hook and those of the target arrive together, with %s',
  async (_, end) => {
    const agent = await startWith([sessions(), setCookie], withHeaders(cookiesOfTarget, end));
    const { headers, body } = await send(agent.url);
    expect(headers['set-cookie']).toEqual(['seen=yes; Path=/', 'a=1', 'b=2', expect.stringMatching(/^sid=.*HttpOnly/)]);
    expect(body).toBe('hello');
  },
);

test('the connection of a client goes on after a response in chunks, through an app', async () => {
  const agent = await startWith([helmet()], framings[1]?.[1] as RequestListener);
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await raw.until(/0\r\n\r\n$/);
  raw.socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect((await raw.closed()).match(/^HTTP\/1.1 200 /gm)).toHaveLength(2);
});

test('a session that the hook keeps is found again by the cookie that came with a response of the target', async () => {
  const count: RequestHandler = (request, response, next) => {
    const kept = request.session as typeof request.session & { count?: number };
    kept.count = (kept.count ?? 0) + 1;
    response.setHeader('x-count', kept.count);
    next();
  };
  const agent = await startWith(
    [sessions(), count],
    withHeaders(cookiesOfTarget, (_request, response) => response.end('x')),
  );
  const first = await send(agent.url);
  const cookie = first.headers['set-cookie']?.find((one) => one.startsWith('sid='))?.split(';')[0] ?? '';
  expect(first.headers['x-count']).toBe('1');
  expect((await send(agent.url, { headers: { cookie } })).headers['x-count']).toBe('2');
});

test.each(framings)('headers of helmet and cors arrive beside those of the target, with %s', async (_name, end) => {
  const own: [string, string][] = [
    ...cookiesOfTarget,
    ['vary', 'Accept-Language'],
    ['x-frame-options', 'DENY'],
    ['content-security-policy', "img-src 'none'"],
    ['x-own', '1'],
    ['x-own', '2'],
  ];
  const agent = await startWith(
    [helmet(), cors({ origin: 'https://app.example', credentials: true })],
    withHeaders(own, end),
  );
  const { headers, body } = await send(agent.url, { headers: { origin: 'https://app.example' } });
  expect(body).toBe('hello');
  expect(headers).toMatchObject({
    'set-cookie': ['a=1', 'b=2'],
    vary: 'Origin, Accept-Language',
    'access-control-allow-origin': 'https://app.example',
    'access-control-allow-credentials': 'true',
    'x-content-type-options': 'nosniff',
    // The target has the last word, as a handler has in Express.
    'x-frame-options': 'DENY',
    'x-own': '1, 2',
  });
  expect(headers['content-security-policy']).toMatch(/^default-src 'self'.*, img-src 'none'$/);
});

test('a preflight that cors answers is not forwarded', async () => {
  const agent = await startWith([cors()], (_request, response) => response.end('target'));
  const answer = await send(agent.url, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
  });
  expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([204, '*']);
});

test('CORS of the target is not completed by that of the hook', async () => {
  const agent = await startWith(
    [cors({ origin: 'https://app.example', credentials: true })],
    withHeaders([['Access-Control-Allow-Origin', 'https://other.example']], (_request, response) => response.end()),
  );
  const { headers } = await send(agent.url, { headers: { origin: 'https://other.example' } });
  expect(headers['access-control-allow-origin']).toBe('https://other.example');
  expect(headers).not.toHaveProperty('access-control-allow-credentials');
});

test.each([
  ['Vary', 'Origin', 'Origin', 'Origin'],
  ['Vary', 'Origin', 'Cookie', 'Origin, Cookie'],
  ['Link', '</a>', '</b>', '</a>, </b>'],
  ['Cache-Control', 'no-store', 'max-age=60', 'no-store, max-age=60'],
  ['WWW-Authenticate', 'Bearer', 'Basic realm="a"', 'Bearer, Basic realm="a"'],
  ['Server-Timing', 'a;dur=1', 'b;dur=2', 'a;dur=1, b;dur=2'],
  ['ETag', '"hook"', '"target"', '"target"'],
  ['Content-Type', 'text/hook', 'text/target', 'text/target'],
  ['Location', '/hook', '/target', '/target'],
  ['X-Any', 'hook', 'target', 'target'],
])('%s of the hook is %s and of the target is %s: the client gets %s', async (name, ofHook, ofTarget, expected) => {
  const set: RequestHandler = (_request, response, next) => {
    response.set(name.toUpperCase(), ofHook);
    next();
  };
  const agent = await startWith(
    [set],
    withHeaders([[name, ofTarget]], (_request, response) => response.end()),
  );
  expect((await send(agent.url)).headers[name.toLowerCase()]).toBe(expected);
});

const long = 'hello, '.repeat(10_000);

test.each([
  ['a length', { 'content-type': 'text/plain', 'content-length': String(long.length) }],
  ['chunks', { 'content-type': 'text/plain' }],
])('compression in the hook compresses a response with %s, and keeps its cookies', async (_name, headers) => {
  const agent = await startWith([compression(), sessions()], (_request, response) => {
    response.writeHead(200, { ...headers, 'set-cookie': ['a=1', 'b=2'] });
    response.write(long.slice(0, 40_000));
    setImmediate(() => response.end(long.slice(40_000)));
  });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n');
  const text = await raw.closed();
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end);
  expect(head).toMatch(/\r\ncontent-encoding: gzip/i);
  expect(head).not.toMatch(/content-length/i);
  expect(head.match(/set-cookie: (a=1|b=2|sid=)/gi)).toHaveLength(3);
  expect(gunzipSync(Buffer.from(text.slice(end + 4), 'latin1')).toString()).toBe(long);
});

test('a large response that compression takes slowly arrives whole, and leaves no listeners behind', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const noise = Buffer.from(Array.from({ length: 4_000_000 }, (_, index) => (index * index) % 251));
  const agent = await startWith([compression()], (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' }).end(noise);
  });
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    openRequest(agent.url, { agent: false, headers: { 'accept-encoding': 'gzip' } }, async (answer) => {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of answer) chunks.push(chunk);
        resolve(gunzipSync(Buffer.concat(chunks)));
      } catch (error) {
        reject(error);
      }
    }).end();
  });
  process.off('warning', onWarning);
  expect(bytes.equals(noise)).toBe(true);
  expect(warnings).toEqual([]);
});

test('server-sent events pass a compressing hook one by one', async () => {
  const agent = await startWith([compression()], (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\n\n');
  });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
  // The first chunk of gzip is its head; the second has the event.
  await raw.until(/\r\nTransfer-Encoding: chunked\r\n\r\na\r\n[\s\S]{10}\r\n[\da-f]+\r\n/i);
});

test.each([
  ['HEAD', 200],
  ['GET', 304],
  ['GET', 204],
])('a %s with status %i has the headers of both, and no body', async (method, status) => {
  const agent = await startWith([compression(), helmet(), sessions()], (_request, response) => {
    response.writeHead(status, { 'set-cookie': ['a=1', 'b=2'], etag: '"x"', 'content-type': 'text/plain' }).end();
  });
  const raw = await openRaw(
    agent.port,
    `${method} / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`,
  );
  const text = await raw.closed();
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text).toMatch(/\r\n\r\n$/);
  expect(text.match(/set-cookie: (a=1|b=2|sid=)/gi)).toHaveLength(3);
  expect(text).toMatch(/x-content-type-options: nosniff/i);
});

test('early hints of the target come before, and without what the hook has set', async () => {
  const target = await startRawTarget((socket) => {
    socket.once('data', () =>
      socket.end(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok',
      ),
    );
  });
  const agent = await startTestAgent({
    agent: defineAgentApp((app) => {
      app.use(helmet(), (_request, response, next) => {
        response.cookie('seen', 'yes').locals.uid = 'ann';
        next();
      });
    }),
    router: { default: target },
  });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const [hints, head] = (await raw.closed()).split('\r\n\r\n');
  expect(hints).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a.css>');
  expect(head?.match(/set-cookie: .*/gi)).toEqual(['Set-Cookie: seen=yes; Path=/', 'Set-Cookie: a=1']);
});

test('a refusal of the agent keeps what lets pages read it, and nothing about another content', async () => {
  const about: RequestHandler = (_request, response, next) => {
    response.set({ 'content-encoding': 'gzip', etag: '"x"', 'cache-control': 'public', 'content-type': 'text/html' });
    response.cookie('seen', 'yes');
    next();
  };
  const agent = await startWith([cors(), compression(), about], (_request, response) => response.end(), null);
  const answer = await send(agent.url, { headers: { origin: 'https://app.example', 'accept-encoding': 'gzip' } });
  expect([answer.status, codeOf(answer)]).toEqual([430, 'uid_missing']);
  expect(answer.headers).toMatchObject({
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'set-cookie': ['seen=yes; Path=/'],
  });
  expect(answer.headers).not.toHaveProperty('etag');
  expect(answer.headers).not.toHaveProperty('content-encoding');
});

test('cookies of a target that takes an upgrade arrive with the 101, beside the one that keeps the client there', async () => {
  const target = await startRawTarget((socket) => {
    socket.once('data', () =>
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
      ),
    );
  });
  const agent = await startTestAgent({
    onupgrade: () => 'ann',
    router: { default: { targets: target, sticky: 'cookie' } },
  });
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  const [head] = await raw.until(/^HTTP\/1\.1 101 [\s\S]*?\r\n\r\n/);
  expect(head.match(/set-cookie: \w+/gi)).toEqual(['Set-Cookie: a', 'Set-Cookie: b', expect.stringMatching(/gopush/i)]);
});

test('an app of Express 4 within the hook sets headers, sessions and compression as one of Express 5 does', async () => {
  const old = express4();
  old.use(compression(), sessions(), helmet());
  const agent = await startWith([old as unknown as RequestHandler], (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'] }).end(long);
  });
  const { headers } = await send(agent.url, { headers: { 'accept-encoding': 'gzip' } });
  expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'x-content-type-options': 'nosniff' });
  expect(headers['set-cookie']).toHaveLength(3);
});

test('a router and a mounted app within the hook set headers as well', async () => {
  const router = express.Router().use((_request, response, next) => {
    response.append('link', '</router>');
    next();
  });
  const mounted = express().use((_request, response, next) => {
    response.append('link', '</mounted>');
    next();
  });
  const agent = await startWith(
    [router, mounted],
    withHeaders([['link', '</target>']], (_request, response) => response.end()),
  );
  expect((await send(agent.url)).headers.link).toBe('</router>, </mounted>, </target>');
});

test('a middleware that throws when the head is written is named, and the agent serves on', async () => {
  let isBad = true;
  const bad: RequestHandler = (_request, response, next) => {
    const { writeHead } = response;
    response.writeHead = function (this: typeof response, ...rest: unknown[]) {
      if (isBad) throw new Error('no');
      return Reflect.apply(writeHead, this, rest);
    } as typeof writeHead;
    next();
  };
  const agent = await startWith([bad], (_request, response) => response.end('hello'));
  await expect(send(agent.url)).rejects.toThrow();
  isBad = false;
  expect((await send(agent.url)).body).toBe('hello');
});

test('a response that a middleware never ends is cut, and the hook is counted for it', async () => {
  const store = new session.MemoryStore();
  store.set = () => {};
  const kept = session({ secret: 'of the test', resave: true, saveUninitialized: true, store });
  const target = await startTarget((_request, response) => response.end('hello'));
  const agent = await startTestAgent(
    { agent: defineAgentApp((app) => app.use(kept, asAnn)), router: { default: target } },
    { agent: { sendTimeoutMs: 100 }, admin: { agentPort: 0 } },
  );
  await expect(send(agent.url)).rejects.toThrow();
  const metrics = await send(`${agent.adminUrl}/metrics`);
  expect(metrics.body).toMatch(/gopush_agent_failures_total\{code="uid_hook_timeout"[^}]*\} 1/);
});

test.each([
  ['an app', () => express().use(setCookie, asAnn)],
  ['a router', () => express.Router().use(setCookie, asAnn)],
  ['an app of Express 4', () => express4().use(asAnn as never)],
  ['a middleware', () => asAnn],
])('%s is an agent hook as it is', async (_name, make) => {
  const target = await startTarget();
  const agent = await startTestAgent({ agent: make() as never, router: { default: target } });
  expect(JSON.parse((await send(agent.url)).body).headers).toMatchObject({ 'x-gopush-uid': 'ann' });
});
