import {
  type AgentAppHook,
  type ConfigInput,
  defineAgent,
  defineAgentApp,
  type Hooks,
  type UidHook,
} from '@gopush/contract';
import express, { type RequestHandler } from 'express';
import { describe, expect, test } from 'vitest';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { codeOf, openRaw, send } from '../support/client.ts';
import { express4 } from '../support/express-4.ts';
import { startTarget } from '../support/target.ts';
import { startSeeingTarget } from '../support/wire.ts';

async function startWith(hooks: (target: object) => Hooks, config: ConfigInput = {}) {
  const { log, lines } = createMemoryLog();
  const target = await startTarget();
  const agent = await startTestAgent(hooks(target), config, log);
  return {
    agent,
    target,
    /** The code of the one failure in the log, with its level. */
    failure: async () => {
      const find = () => lines.find(({ fields }) => fields.code !== undefined && 'detail' in fields);
      await expect.poll(find).toBeDefined();
      const { level, fields } = find() as NonNullable<ReturnType<typeof find>>;
      return { level, code: fields.code, detail: String(fields.detail) };
    },
  };
}

const asAnn: RequestHandler = (_request, response, next) => {
  response.locals.uid = 'ann';
  next();
};

/** An app with these middlewares, after which everybody is `ann`. */
const appOf =
  (...middlewares: RequestHandler[]): AgentAppHook =>
  (app) =>
    app.use(...middlewares, asAnn);

const inApp =
  (...middlewares: RequestHandler[]) =>
  (target: object): Hooks => ({ agent: defineAgentApp(appOf(...middlewares)), router: { default: target as never } });

const readAll: UidHook = async (request) => {
  for await (const _chunk of request);
  return 'ann';
};

const readers: [string, (target: object) => Hooks][] = [
  ['express.json()', inApp(express.json())],
  ['express.json() of Express 4', inApp(express4.json() as unknown as RequestHandler)],
  ['express.text() for all types', inApp(express.text({ type: () => true }))],
  ['express.raw() for all types', inApp(express.raw({ type: () => true }))],
  [
    'a stream that is read with for await, in an app',
    inApp((request, _response, next) => void Promise.resolve(readAll(request as never)).then(() => next(), next)),
  ],
  [
    'a stream that is read with for await',
    (target) => ({ agent: defineAgent(readAll), router: { default: target as never } }),
  ],
  [
    'a router function',
    (target) => ({
      agent: () => 'ann',
      router: {
        default: async (request) => {
          for await (const _chunk of request);
          return target as never;
        },
      },
    }),
  ],
  [
    'data events, with an encoding',
    inApp((request, _response, next) => {
      request
        .setEncoding('utf8')
        .on('data', () => {})
        .once('end', () => next());
    }),
  ],
  [
    'an encoding alone',
    inApp((request, _response, next) => {
      request.setEncoding('latin1');
      next();
    }),
  ],
  [
    'the first chunk only',
    inApp((request, _response, next) => {
      request.once('data', () => {
        request.pause();
        next();
      });
    }),
  ],
  [
    'a listener to readable that never reads',
    inApp((request, _response, next) => {
      request.on('readable', () => {});
      next();
    }),
  ],
  [
    'data events that go on after next()',
    inApp((request, _response, next) => {
      request.on('data', () => {});
      next();
    }),
  ],
];

const json = { 'content-type': 'application/json' };
const body = JSON.stringify({ text: 'grüße '.repeat(3_000) });

describe.each(readers)('a body that a hook reads by %s is forwarded', (_name, hooks) => {
  test.each([
    ['a length', {}],
    ['chunks', { 'transfer-encoding': 'chunked' }],
  ])('with %s', async (_framing, framing) => {
    const { agent } = await startWith(hooks);
    const answer = await send(agent.url, { method: 'POST', body, headers: { ...json, ...framing } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body).body).toBe(body);
  });

  test('that comes in parts', async () => {
    const { agent, target } = await startWith(hooks);
    const raw = await openRaw(
      agent.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    raw.socket.write('2\r\n1}\r\n0\r\nX-Sum: 7\r\n\r\n');
    await raw.until(/"body":"{\\"a\\":1}"/);
    expect(target.requests[0]?.trailers).toEqual({ 'x-sum': '7' });
  });
});

test('the hook sees what is forwarded, and bytes that are no text arrive as they are', async () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
  let seen = 0;
  const { agent, target } = await startWith(
    inApp(express.raw({ type: () => true, limit: '1mb' }), (request, _response, next) => {
      seen = request.body.length;
      next();
    }),
  );
  const got: Buffer[] = [];
  target.server.removeAllListeners('request').on('request', async (request, response) => {
    for await (const chunk of request) got.push(chunk);
    response.end();
  });
  expect((await send(agent.url, { method: 'PUT', body: bytes })).status).toBe(200);
  expect([seen, Buffer.concat(got).equals(bytes)]).toEqual([70_000, true]);
});

test('a body that no hook reads may have any length', async () => {
  const { agent } = await startWith(inApp(), { hooks: { maxBodyBytes: 10 } });
  const answer = await send(agent.url, { method: 'POST', body: 'x'.repeat(300_000) });
  expect(JSON.parse(answer.body).body).toHaveLength(300_000);
});

test.each([
  ['a length', {}],
  ['chunks', { 'transfer-encoding': 'chunked' }],
])(
  'a body with %s of more than hooks may read is refused, and the hook and the setting are named',
  async (_, framing) => {
    const { agent, target, failure } = await startWith(inApp(express.json()), { hooks: { maxBodyBytes: 1_000 } });
    const answer = await send(agent.url, { method: 'POST', body, headers: { ...json, ...framing } });
    expect([answer.status, codeOf(answer)]).toEqual([413, 'uid_hook_body_too_large']);
    expect(await failure()).toMatchObject({
      level: 'error',
      detail: expect.stringContaining('hooks.maxBodyBytes (1000)'),
    });
    expect(target.requests).toHaveLength(0);
  },
);

test('a hook that answers a large body itself is not held to what it may forward', async () => {
  const { agent } = await startWith(
    inApp((request, response) => {
      let bytes = 0;
      request.on('data', ({ length }) => {
        bytes += length;
      });
      request.once('end', () => response.json(bytes));
    }),
    { hooks: { maxBodyBytes: 1_000 } },
  );
  expect((await send(agent.url, { method: 'POST', body: 'x'.repeat(100_000) })).body).toBe('100000');
});

test.each([
  [
    'a hook that stops reading with break',
    defineAgent(async (request) => {
      for await (const _chunk of request) break;
      return 'ann';
    }),
  ],
  [
    'a hook that destroys the request with an error of its own',
    defineAgent((request) => {
      Object.assign(request as object, { socket: null });
      request.destroy();
      return 'ann';
    }),
  ],
])('%s before all has come is told so at once', async (_name, agentHook) => {
  const { agent, target, failure } = await startWith((to) => ({ agent: agentHook, router: { default: to as never } }));
  const raw = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 500 [\s\S]*uid_hook_bad_value/);
  expect(await failure()).toMatchObject({
    code: 'uid_hook_bad_value',
    detail: expect.stringContaining('destroyed the request'),
  });
  expect(target.requests).toHaveLength(0);
});

test.each([
  ['is no JSON', '{"a":', {}, 400, 'request_malformed'],
  ['is larger than the parser takes', `"${'x'.repeat(200_000)}"`, {}, 413, 'body_too_large'],
  ['is compressed in an unknown way', '{}', { 'content-encoding': 'x' }, 400, 'request_malformed'],
  ['is not compressed as it says', '{}', { 'content-encoding': 'gzip' }, 400, 'request_malformed'],
  ['is not compressed as it says, in another way', '{}', { 'content-encoding': 'deflate' }, 400, 'request_malformed'],
  ['is in an unknown charset', '{}', { 'content-type': 'application/json; charset=x' }, 400, 'request_malformed'],
])('a body that %s is its client’s doing, not the hook’s', async (_name, sent, headers, status, code) => {
  const { agent, failure } = await startWith(inApp(express.json()));
  const answer = await send(agent.url, { method: 'POST', body: sent, headers: { ...json, ...headers } });
  expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  expect(await failure()).toMatchObject({ level: 'debug', code });
});

test.each([
  ['an app', inApp(express.json())],
  ['a function', (target: object): Hooks => ({ agent: defineAgent(readAll), router: { default: target as never } })],
])(
  'a client that goes away in the midst of a body is not the failure of the hook that reads it: %s',
  async (_, hooks) => {
    const { log, lines } = createMemoryLog();
    const target = await startTarget();
    const agent = await startTestAgent(hooks(target), {}, log);
    const raw = await openRaw(
      agent.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a"',
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    raw.socket.resetAndDestroy();
    await expect.poll(() => lines.find(({ message }) => message === 'request')?.fields.status).toBe(499);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  },
);

test('a hook that waits for a body which stands still is not blamed', async () => {
  const { agent, failure } = await startWith(inApp(express.json()), { hooks: { timeoutMs: 100 } });
  const raw = await openRaw(
    agent.port,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a"',
  );
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*request_timeout/);
  expect(await failure()).toMatchObject({ level: 'debug', code: 'request_timeout' });
});

test('requests that a client sends ahead have their bodies, although hooks read them', async () => {
  const { agent } = await startWith(inApp(express.json()));
  const post = (text: string): string =>
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const raw = await openRaw(agent.port, post('{"n":1}') + post('{"n":2}') + post('{"n":3}'));
  await raw.until(/n\\":1[\s\S]*n\\":2[\s\S]*n\\":3/);
});

test('many tiny chunks arrive', async () => {
  const { agent } = await startWith(inApp(express.text({ type: () => true })));
  const raw = await openRaw(agent.port, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let index = 0; index < 1_000; index++) raw.socket.write(`1\r\n${index % 10}\r\n`);
  raw.socket.write('0\r\n\r\n');
  const [, text] = await raw.until(/"body":"(\d+)"/);
  expect(text).toBe('0123456789'.repeat(100));
});

test.each([
  ['an app', inApp(express.json())],
  ['a function', (target: object): Hooks => ({ agent: defineAgent(readAll), router: { default: target as never } })],
  ['nobody', inApp()],
])(
  'a client that waits for a 100 before it sends its body gets one, where the body is read by %s',
  async (_, hooks) => {
    const { agent } = await startWith(hooks);
    const raw = await openRaw(
      agent.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n',
    );
    await raw.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    raw.socket.write('{"a":1}');
    await raw.until(/HTTP\/1\.1 200 OK[\s\S]*"body":"{\\"a\\":1}"/);
  },
);

test('a body that a hook has read is sent again to a target that has not read it', async () => {
  let first = true;
  const target = await startSeeingTarget(({ socket }) => {
    const isFirst = first;
    first = false;
    socket.on('data', (chunk) => {
      if (isFirst && String(chunk).includes('"a"')) {
        socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      } else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  const agent = await startTestAgent(inApp(express.json())(target));
  expect((await send(agent.url)).status).toBe(200);
  expect((await send(agent.url, { method: 'POST', body: '{"a":1}', headers: json })).status).toBe(200);
  expect(target.connections[1]?.text()).toMatch(/\r\n\r\n{"a":1}$/);
});

test('with hooks.maxBodyBytes of 0 a body that a hook reads is refused, and others pass', async () => {
  const { agent } = await startWith(inApp(express.json()), { hooks: { maxBodyBytes: 0 } });
  const post = (type: string) => send(agent.url, { method: 'POST', body: '{}', headers: { 'content-type': type } });
  expect(codeOf(await post('application/json'))).toBe('uid_hook_body_too_large');
  expect((await post('text/plain')).status).toBe(200);
});
