import { once } from 'node:events';
import { hostname } from 'node:os';
import { isIdentitySigned } from '@gopush/contract';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, startTarget } from '../support/target.ts';

const secrets = ['the next secret of all', 'a secret of the tests'];
const uid = 'Ann Ünal\u{1f600}';

async function startSigned(trustedProxies: readonly string[] = []) {
  const target = await startEchoTarget();
  const memory = createMemoryLog();
  const agent = await startTestAgent(
    { agent: ({ query }) => (query.nobody === undefined ? uid : undefined), router: { default: target, chät: target } },
    { access: { secrets, trustedProxies } },
    memory.log,
  );
  return { agent, target, memory };
}

test('uid, product and request id reach the target signed, by request and by upgrade', async () => {
  const { agent } = await startSigned();
  const { headers } = JSON.parse((await send(`${agent.url}/?product=ch%C3%A4t`)).body);
  const [hello] = await once(new WebSocket(`${agent.url}/?product=ch%C3%A4t`), 'message');
  for (const seen of [headers, JSON.parse(String(hello)).headers]) {
    expect(seen).toMatchObject({
      'x-gopush-uid': encodeURIComponent(uid),
      'x-gopush-product': 'ch%C3%A4t',
      'x-gopush-agent': `${hostname()}-agent-0`,
      'x-request-id': expect.stringMatching(/^[\w-]{12}-\w+$/),
    });
    expect(isIdentitySigned(secrets, seen, Date.now())).toBe(true);
    // The first one signs.
    expect(isIdentitySigned(secrets.slice(1), seen, Date.now())).toBe(false);
    expect(isIdentitySigned(secrets, { ...seen, 'x-gopush-uid': 'bob' }, Date.now())).toBe(false);
    expect(isIdentitySigned(secrets, seen, Date.now() + 61_000)).toBe(false);
  }
});

test('without a secret nothing is signed, and nobody else can', async () => {
  const target = await startTarget();
  const agent = await startTestAgent({ agent: () => 'ann', router: { default: target } });
  await send(agent.url, { headers: { 'x-gopush-signature': 'v1.99999999999.forged' } });
  expect(target.requests[0]?.headers).not.toHaveProperty('x-gopush-signature');
});

const claimed = {
  'X-Gopush-Uid': 'root',
  'x-gopush-product': 'admin',
  'x-gopush-agent': 'me',
  'x-gopush-signature': 'v1.99999999999.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'x-gopush-anything': '1',
  'x-request-id': 'mine',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

test('what a client claims of itself is replaced; its trace goes on', async () => {
  const { agent, target } = await startSigned();
  await send(agent.url, { headers: claimed });
  const raw = await openRaw(agent.port, handshakeBytes('/', claimed));
  await raw.until(/^HTTP\/1\.1 101/);
  expect(target.requests).toHaveLength(2);
  for (const { rawHeaders, headers } of target.requests) {
    const isUpgrade = headers.upgrade !== undefined;
    const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    const ours = names.filter((name) => name.startsWith('x-gopush-') || name === 'x-request-id');
    expect(ours.sort()).toEqual([
      'x-gopush-agent',
      ...(isUpgrade ? ['x-gopush-can-resume'] : []),
      'x-gopush-product',
      'x-gopush-signature',
      'x-gopush-uid',
      'x-request-id',
    ]);
    expect(headers['x-gopush-uid']).toBe(encodeURIComponent(uid));
    expect(headers['x-request-id']).not.toBe('mine');
    expect(headers.traceparent).toBe(claimed.traceparent);
    expect(isIdentitySigned(secrets, headers, Date.now())).toBe(true);
  }
});

test('a trusted proxy gives the id of a request, and its identity no more than anyone', async () => {
  const { agent, target } = await startSigned(['127.0.0.0/8']);
  await send(agent.url, { headers: claimed });
  expect(target.requests[0]?.headers).toMatchObject({
    'x-request-id': 'mine',
    'x-gopush-uid': encodeURIComponent(uid),
    traceparent: claimed.traceparent,
  });
  expect(isIdentitySigned(secrets, target.requests[0]?.headers ?? {}, Date.now())).toBe(true);
});

test.each([
  ['too long', 'x'.repeat(129)],
  ['with a space', 'a b'],
  ['not ASCII', 'ä'],
])('an id that is %s is not taken from a trusted proxy either', async (_name, id) => {
  const { agent, target } = await startSigned(['127.0.0.0/8']);
  await openRaw(agent.port, `GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`).then((raw) =>
    raw.until(/200 OK/),
  );
  expect(target.requests[0]?.headers['x-request-id']).toMatch(/^[\w-]{12}-\w+$/);
});

test('ids are different for each request', async () => {
  const { agent, target } = await startSigned();
  await Promise.all(Array.from({ length: 20 }, () => send(agent.url)));
  expect(new Set(target.requests.map(({ headers }) => headers['x-request-id'])).size).toBe(20);
});

test('the id is in the answer of a refusal and in its line of the log', async () => {
  const { agent, memory } = await startSigned(['127.0.0.0/8']);
  const answer = await send(`${agent.url}/?nobody`, { headers: { 'x-request-id': 'one' } });
  expect([answer.status, answer.headers['x-request-id']]).toEqual([430, 'one']);
  expect((await memory.next(/^request$/)).fields).toMatchObject({ id: 'one', code: 'uid_missing', status: 430 });
  const text = await (await openRaw(agent.port, handshakeBytes('/?nobody', { 'X-Request-Id': 'two' }))).closed();
  expect(text).toMatch(/^HTTP\/1\.1 403 [\s\S]*x-request-id: two\r\n/);
  expect((await memory.next(/^upgrade refused$/)).fields).toMatchObject({ id: 'two', code: 'uid_missing' });
});
