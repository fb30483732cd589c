import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyCharacter } from '../../../../test/support/any-character.ts';
import { createMemoryLog, hooksTo, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startTarget } from '../support/target.ts';

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 400, 'request_malformed'],
  ['a control character in a header', 'GET / HTTP/1.1\r\nHost: a\r\nx: a\u0001b\r\n\r\n', 400, 'request_malformed'],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    400,
    'request_malformed',
  ],
  [
    'length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'request_malformed',
  ],
  [
    'a folded header',
    'GET / HTTP/1.1\r\nHost: a\r\nx: a\r\n b\r\nTransfer-Encoding:\r\n chunked\r\n\r\n',
    400,
    'request_malformed',
  ],
  [
    'too many headers',
    `GET / HTTP/1.1\r\nHost: a\r\n${'x: 0123456789\r\n'.repeat(4_000)}\r\n`,
    431,
    'headers_too_large',
  ],
  ['a URL of another scheme', 'GET ftp://internal.test/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['a URL with a user', 'GET http://a@internal.test/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['a URL with a fragment', 'GET http://internal.test/#a HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['a URL without a host', 'GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['a URL whose host is none', 'GET http://a%b\\c/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['a URL beside two hosts', 'GET http://a.test/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'request_malformed'],
  ['HTTP/0.9 with headers', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['HTTP/2.0 as text', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
  ['an asterisk', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request_malformed'],
])('%s', async (_name, bytes, status, code) => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const raw = await openRaw(agent.port, bytes);
  await raw.until(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*${code}`));
  expect(target.requests).toHaveLength(0);
});

test('a client that is slow with its headers is told so and closed', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }), { agent: { headerTimeoutMs: 50 } });
  const raw = await openRaw(agent.port, 'GET / HTTP/1.1\r\nHost: a\r\n');
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*request_timeout/);
});

test('an unknown product is 404, the names of object properties among them', async () => {
  const agent = await startTestAgent(hooksTo({ chat: await startTarget() }));
  for (const product of ['nope', '__proto__', 'constructor', 'toString', '%00', '%', 'x'.repeat(300)]) {
    const answer = await send(`${agent.url}/?product=${product}`);
    expect([product, answer.status, codeOf(answer)]).toEqual([product, 404, 'product_unknown']);
  }
  const raw = await openRaw(agent.port, handshakeBytes('/?product=__proto__'));
  expect(await raw.closed()).toMatch(/^HTTP\/1\.1 404 [\s\S]*product_unknown/);
});

test('a product named __proto__ in a router is a product like others', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo(JSON.parse(`{"__proto__": {"ip": "127.0.0.1", "port": ${target.port}}}`)));
  expect((await send(`${agent.url}/?product=__proto__`)).status).toBe(200);
});

test('two products in one request are 400', async () => {
  const agent = await startTestAgent(hooksTo({ a: await startTarget(), b: await startTarget() }));
  const answer = await send(`${agent.url}/?product=a&%70roduct=b`);
  expect([answer.status, codeOf(answer)]).toEqual([400, 'product_ambiguous']);
});

test('no target is 503 and says when to come back', async () => {
  const agent = await startTestAgent(hooksTo({ default: [], gone: () => null }));
  for (const product of ['default', 'gone']) {
    const answer = await send(`${agent.url}/?product=${product}`);
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([503, 'target_none', '1']);
  }
});

test.each([
  ['10 kB', 'x'.repeat(10_000), 'uid_invalid'],
  ['a line feed', 'a\nb', 'uid_invalid'],
  ['half a surrogate pair', 'a\ud800', 'uid_invalid'],
  ['nothing', '', 'uid_missing'],
  ['null', null, 'uid_missing'],
  ['an object', {}, 'uid_hook_bad_value'],
  ['NaN', Number.NaN, 'uid_hook_bad_value'],
])('a uid that is %s: 430 or 500 on HTTP, 403 on upgrade', async (_name, uid, code) => {
  const agent = await startTestAgent({ agent: () => uid as string, router: { default: await startEchoTarget() } });
  const answer = await send(agent.url);
  expect([answer.status, codeOf(answer)]).toEqual([code === 'uid_hook_bad_value' ? 500 : 430, code]);
  const raw = await openRaw(agent.port, handshakeBytes('/'));
  expect(await raw.closed()).toMatch(new RegExp(`^HTTP/1\\.1 403 [\\s\\S]*${code}`));
});

test.each(['50%', 'a%41', 'ä ö/ü?&=#', '日本', "o'brien+x"])('uid %s reaches the target as it is', async (uid) => {
  const { ip, port } = await startTarget();
  const router = { default: { targets: { ip, port }, identity: 'query+headers' } } as const;
  const agent = await startTestAgent({ agent: () => uid, router });
  const { url, headers } = JSON.parse((await send(agent.url)).body);
  expect(new URL(url, 'http://x').searchParams.getAll('uid')).toEqual([uid]);
  expect(decodeURIComponent(headers['x-gopush-uid'])).toBe(uid);
});

test('a client cannot claim a uid by query, header or cookie, nor where it comes from', async () => {
  const target = await startTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const answer = await send(`${agent.url}/?uid=eve&%75id=eve&uid[]=eve&a=uid`, {
    headers: {
      'x-gopush-uid': 'eve',
      'X-Gopush-Product': 'admin',
      'x-gopush-anything': '1',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil.test',
      'x-real-ip': '6.6.6.6',
      forwarded: 'for=6.6.6.6',
    },
  });
  const { url, headers } = JSON.parse(answer.body);
  expect(url).toBe('/?a=uid');
  expect(headers).toMatchObject({
    'x-gopush-uid': 'ann',
    'x-gopush-product': 'default',
    'x-forwarded-for': '127.0.0.1',
  });
  expect(JSON.stringify(headers)).not.toMatch(/eve|evil|6\.6\.6\.6|admin|anything/);
});

test('a proxy in front that is trusted is believed about its own clients, one that is not is not', async () => {
  const target = await startTarget();
  const headers = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'www.test' };
  const seenBy = async (trustedProxies: string[]) => {
    const agent = await startTestAgent(hooksTo({ default: target }), { access: { trustedProxies } });
    return JSON.parse((await send(agent.url, { headers })).body).headers;
  };
  expect(await seenBy(['10.0.0.0/8', '127.0.0.0/8'])).toMatchObject({
    'x-forwarded-for': '6.6.6.6, 127.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'www.test',
  });
  expect(await seenBy(['10.0.0.0/8', '::/0'])).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
  });
});

test('whatever a router function returns, the client gets an answer from the failure table', async () => {
  let returned: unknown;
  const agent = await startTestAgent({
    agent: () => 'ann',
    router: { default: () => returned as never },
  });
  await fc.assert(
    fc.asyncProperty(
      fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true }),
      async (value) => {
        returned = value;
        const answer = await send(agent.url);
        // A random value may by chance be an empty list; none is a real target.
        expect(['router_hook_bad_value', 'target_none']).toContain(codeOf(answer));
      },
    ),
    { numRuns: 100 },
  );
});

test.each([
  [
    'throws',
    'uid_hook_threw',
    500,
    () => {
      throw new Error('secret detail');
    },
  ],
  ['rejects', 'uid_hook_rejected', 500, () => Promise.reject(new Error('secret detail'))],
  ['never settles', 'uid_hook_timeout', 503, () => new Promise<string>(() => {})],
  ['returns nonsense', 'uid_hook_bad_value', 500, () => [] as unknown as string],
])(
  'an agent hook that %s is %s, said in the log with its file and never to the client',
  async (_name, code, status, agent) => {
    const { log, next } = createMemoryLog();
    const gateway = await startTestAgent(
      { agent, router: { default: await startTarget() } },
      { hooks: { timeoutMs: 30 } },
      log,
    );
    const answer = await send(gateway.url);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(answer.body).not.toMatch(/secret/);
    const line = await next(/client could not be identified/);
    expect(line.level).toBe('error');
    expect(line.fields).toMatchObject({ code, detail: expect.stringContaining('hook agent') });
  },
);

test.each([
  [
    'throws',
    'router_hook_threw',
    500,
    () => {
      throw new Error('x');
    },
  ],
  ['rejects', 'router_hook_rejected', 500, () => Promise.reject(new Error('x'))],
  ['never settles', 'router_hook_timeout', 503, () => new Promise<null>(() => {})],
])('a router function that %s is %s on both kinds of request', async (_name, code, status, route) => {
  const gateway = await startTestAgent(
    { agent: () => 'ann', router: { default: route } },
    { hooks: { timeoutMs: 30 } },
  );
  const answer = await send(gateway.url);
  expect([answer.status, codeOf(answer)]).toEqual([status, code]);
  const raw = await openRaw(gateway.port, handshakeBytes('/'));
  expect(await raw.closed()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*${code}`));
});

test('whatever bytes come, the agent goes on serving', async () => {
  const agent = await startTestAgent(hooksTo({ default: await startTarget() }));
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: anyCharacter, maxLength: 200 }), async (bytes) => {
      const raw = await openRaw(agent.port, bytes);
      raw.socket.end();
      await raw.closed();
    }),
    { numRuns: 50 },
  );
  expect((await send(agent.url)).status).toBe(200);
});
