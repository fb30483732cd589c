import { hostname } from 'node:os';
import express from 'express';
import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { startTarget } from '../support/target.ts';
import { echoHead, startSeeingTarget } from '../support/wire.ts';

const queries = [
  'uid=eve',
  '%75%69%64=eve',
  'uid=eve&uid=eve',
  'uid[]=eve',
  'uid%5B%5D=eve',
  'uid[0]=eve',
  'uid[a][b]=eve',
  'uid',
  'uid=%FFeve',
  '?uid=eve',
  ';u%69d=eve',
  '[uid]=eve',
  '%u0075id=eve',
  'UID=eve',
  'uid.x=eve',
  '+uid=eve',
  '%00uid=eve',
  '%2575id=eve',
];

test.each(queries)('a uid in the query as %s does not reach a target, which has it by header', async (query) => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent(hooksTo({ default: target }));
  const { body } = await send(`${agent.url}/?a=1&&b=2&${query}`);
  expect(body).toMatch(/^GET \/\?a=1&&b=2&? HTTP\/1\.1\r\n/);
  expect(body).toMatch(/\r\nx-gopush-uid: ann\r\n/);
  const raw = await openRaw(agent.port, handshakeBytes(`/?${query}`));
  await raw.until(/GET \/ HTTP[\s\S]*\r\nx-gopush-uid: ann\r\n/);
});

test.each(queries)('nor one as %s beside ours, where a product or the settings want that', async (query) => {
  const target = await startSeeingTarget(echoHead);
  const { ip, port } = target;
  const targets = { ip, port };
  for (const [router, config] of [
    [{ default: { targets, identity: 'query+headers' } }, {}],
    [{ default: () => targets }, { routing: { identity: 'query+headers' } }],
  ] as const) {
    const agent = await startTestAgent(hooksTo(router), config);
    const { body } = await send(`${agent.url}/?a=1&${query}`);
    expect(body).toMatch(/^GET \/\?a=1&uid=ann HTTP\/1\.1\r\n/);
    expect(body).toMatch(/\r\nx-gopush-uid: ann\r\n/);
    await openRaw(agent.port, handshakeBytes(`/?a=1&${query}`)).then((raw) => raw.until(/GET \/\?a=1&uid=ann HTTP/));
  }
});

test('what of a query is no uid stays byte for byte', async () => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent(hooksTo({ default: target }));
  for (const query of ['', '?', '?a=1&&b=2', '?uuid=1;x=%zz+', '?next=%2Fx%3Fuid%3D3', '?uid_type=1']) {
    const raw = await openRaw(agent.port, `GET /p${query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const body = await raw.closed();
    expect(body).toContain(`GET /p${query} HTTP/1.1\r\n`);
  }
});

test('a parser with nested names, and one without, see no uid of a client', async () => {
  const app = express().set('query parser', 'extended');
  app.get('/', (request, response) => {
    const { searchParams } = new URL(request.url, 'http://a');
    response.json([
      request.query,
      Object.fromEntries(searchParams),
      Object.fromEntries(new URLSearchParams(request.url.slice(2))),
    ]);
  });
  const target = await startTarget(app);
  const agent = await startTestAgent(hooksTo({ default: target }));
  for (const query of queries) {
    const { body } = await send(`${agent.url}/?a=1&${query}`);
    expect(JSON.parse(body)).toEqual([{ a: '1' }, { a: '1' }, { a: '1' }]);
  }
});

const folded = [
  'x.gopush.uid',
  'x~gopush!uid',
  'x|gopush|uid',
  'X.GoPush-Product',
  'x.real.ip',
  'x_real_ip',
  'x!forwarded!for',
  'x.forwarded.host',
  'x_forwarded_proto',
  'X-Forwarded',
  'x.request.id',
  'x+gopush^signature',
  'content_length',
  'content.length',
  'transfer_encoding',
];

test.each(folded)(
  'a client that sends %s is not believed, in the head, on an upgrade, or as a trailer',
  async (name) => {
    const target = await startSeeingTarget(echoHead);
    const agent = await startTestAgent(hooksTo({ default: target }));
    const { body } = await send(agent.url, { headers: { [name]: 'eve' } });
    expect(body).toMatch(/\r\nx-gopush-uid: ann\r\n/);
    expect(body).not.toMatch(/eve/);
    const upgrade = await openRaw(agent.port, handshakeBytes('/', { [name]: 'eve' }));
    expect(await upgrade.closed()).not.toMatch(/eve/);
    const coming = target.next();
    await openRaw(
      agent.port,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${name}: eve\r\nx-sum: 1\r\n\r\n`,
    );
    const { until, text } = await coming;
    await until(/\r\n0\r\nx-sum: 1\r\n\r\n$/);
    expect(text()).not.toMatch(/eve/);
  },
);

test.each(['x-gopushuid', 'x-real-ipx', 'my.header', 'x_custom', 'content_type'])('%s passes', async (name) => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent(hooksTo({ default: target }));
  expect((await send(agent.url, { headers: { [name]: 'fine' } })).body).toContain(`${name}: fine`);
});

test.each(['x-gopush-uid', 'X-GoPush-UID', 'x_gopush_uid', 'X_Gopush-Uid', 'x-gopush-agent', 'x_gopush_product'])(
  'a client that sends %s is not believed, in the head or as a trailer',
  async (name) => {
    const target = await startSeeingTarget(echoHead);
    const agent = await startTestAgent(hooksTo({ default: target }));
    const { body } = await send(agent.url, { headers: { [name]: 'eve' } });
    expect(body).toMatch(/\r\nx-gopush-uid: ann\r\n/);
    expect(body).not.toMatch(/eve/);
    const coming = target.next();
    await openRaw(
      agent.port,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${name}: eve\r\nx-sum: 1\r\n\r\n`,
    );
    const { until, text } = await coming;
    await until(/\r\n0\r\nx-sum: 1\r\n\r\n$/);
    expect(text()).not.toMatch(/eve/);
  },
);

test('a cookie named uid goes to the target as the cookie that it is, and names nobody', async () => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent(hooksTo({ default: target }));
  const { body } = await send(agent.url, { headers: { cookie: 'uid=eve; x-gopush-uid=eve' } });
  expect(body).toMatch(/\r\ncookie: uid=eve; x-gopush-uid=eve\r\n/i);
  expect(body.match(/eve/g)).toHaveLength(2);
  expect(body).toMatch(/\r\nx-gopush-uid: ann\r\n/);
});

test.each([
  'x-gopush-uid',
  'X-GOPUSH-UID, x-gopush-product, x-gopush-agent',
  'x-forwarded-for, cookie',
  'x-forwarded-proto,x-forwarded-host',
  'host',
  'close, x-gopush-uid',
])('Connection: %s removes nothing of what the gateway adds', async (value) => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent(hooksTo({ default: target }));
  const { body } = await send(agent.url, { headers: { connection: value, cookie: 'a=1', host: 'www.test' } });
  for (const line of [
    'host: www.test',
    'x-gopush-uid: ann',
    'x-gopush-product: default',
    `x-gopush-agent: ${hostname().toLowerCase()}-agent-0`,
    'x-forwarded-for: 127.0.0.1',
    'x-forwarded-proto: http',
    'x-forwarded-host: www.test',
  ]) {
    expect(body.toLowerCase()).toContain(`\r\n${line}\r\n`);
  }
});

test.each(['x-gopush-uid', 'x-forwarded-for', 'host'])(
  'an upgrade whose Connection names %s still says all that the target needs',
  async (name) => {
    const target = await startSeeingTarget(echoHead);
    const agent = await startTestAgent(hooksTo({ default: target }));
    const raw = await openRaw(agent.port, handshakeBytes('/', { Connection: `Upgrade, ${name}` }));
    const text = (await raw.closed()).toLowerCase();
    for (const line of ['host: gateway.test', 'x-gopush-uid: ann', 'x-forwarded-for: 127.0.0.1', 'upgrade: websocket'])
      expect(text).toContain(`\r\n${line}\r\n`);
  },
);
