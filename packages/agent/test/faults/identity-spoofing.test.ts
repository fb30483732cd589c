import { expect, test } from 'vitest';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw, send } from '../support/client.ts';
import { echoHead, startSeeingTarget } from '../support/wire.ts';

test.each([
  'uid=eve',
  '%75%69%64=eve',
  'uid=eve&uid=eve',
  'uid[]=eve',
  'uid%5B%5D=eve',
  'uid[0]=eve',
  'uid[a][b]=eve',
  'uid',
  '&&uid=eve&',
  'uid=%FFeve',
])('a uid in the query as %s does not reach the target', async (query) => {
  const target = await startSeeingTarget(echoHead);
  const agent = await startTestAgent(hooksTo({ default: target }));
  const { body } = await send(`${agent.url}/?a=1&${query}`);
  expect(body).toMatch(/^GET \/\?a=1&uid=ann HTTP\/1\.1\r\n/);
  expect(body).not.toMatch(/eve/);
  await openRaw(agent.port, handshakeBytes(`/?a=1&${query}`)).then((raw) => raw.until(/GET \/\?a=1&uid=ann HTTP/));
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
    'x-gopush-agent: agent',
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
