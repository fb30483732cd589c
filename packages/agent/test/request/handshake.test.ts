import { openPages, readOrigin, whyRefused } from '@gopush/contract';
import { expect, test } from 'vitest';
import { acceptOf } from '../../src/request/handshake.ts';
import { hooksTo, startTestAgent } from '../support/agent.ts';
import { handshakeBytes, openRaw } from '../support/client.ts';
import { startEchoTarget } from '../support/target.ts';

const key = 'Sec-WebSocket-Key';
const version = 'Sec-WebSocket-Version';
const protocol = 'Sec-WebSocket-Protocol';

const protocolIn = (head = ''): string | undefined => /^sec-websocket-protocol: .*$/im.exec(head)?.[0];

/** Keys of libraries for small devices: any 22 characters of the alphabet. */
const looseKeys = [
  'AAAAAAAAAAAAAAAAAAAAAB==',
  'dGhlIHNhbXBsZSBub25jZz==',
  'zzzzzzzzzzzzzzzzzzzzzz==',
  '++++++++++++++++++++/9==',
];

const handshakes: readonly (readonly [Record<string, string>])[] = [
  ...looseKeys.map((value) => [{ [key]: value }] as const),
  [{ [key]: 'dGhlIHNhbXBsZSBub25jZQ=' }],
  [{ [key]: 'dGhlIHNhbXBsZSBub25jZQ' }],
  [{ [key]: 'dGhlIHNhbXBsZSBub25j-_==' }],
  [{ [key]: 'dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==' }],
  [{ [key]: '' }],
  [{ 'Content-Length': '0' }],
  [{ 'Content-Type': 'text/plain', 'Content-Length': '0' }],
  [{ [version]: '8' }],
  [{ [version]: '7' }],
  [{ [version]: '14' }],
  [{ [version]: '13, 8' }],
  [{ [version]: '013' }],
  [{ [version]: '' }],
  [{ Upgrade: 'WebSocket' }],
  [{ Upgrade: 'WEBSOCKET' }],
  [{ Connection: 'upgrade' }],
  [{ Connection: 'keep-alive, Upgrade' }],
  [{ Connection: 'Upgrade,keep-alive' }],
  [{ Connection: 'UPGRADE , close' }],
  [{ [protocol]: 'graphql-ws, mqtt' }],
  [{ [protocol]: 'a,b,c' }],
  [{ 'Sec-WebSocket-Extensions': 'x-unknown; a=1, permessage-deflate; client_max_window_bits' }],
];

test.each(handshakes)('a handshake with %j is taken where ws takes it', async (headers) => {
  const target = await startEchoTarget();
  const agent = await startTestAgent(hooksTo({ default: target }));
  const bytes = handshakeBytes('/', headers);
  const [straight, through] = await Promise.all(
    [target.port, agent.port].map(async (port) =>
      (await openRaw(port, bytes)).until(/^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n/),
    ),
  );
  expect(through?.[1] === '101').toBe(straight?.[1] === '101');
  if (straight?.[1] !== '101') return;
  expect(through?.[0]).toContain(acceptOf(headers[key] ?? 'dGhlIHNhbXBsZSBub25jZQ=='));
  expect(protocolIn(through?.[0])).toBe(protocolIn(straight?.[0]));
});

test.each([
  ['ws://gateway.test', true],
  ['wss://gateway.test/', true],
  ['http://gateway.test/', true],
  ['HTTP://Gateway.Test:80', true],
  ['https://gateway.test:443/', true],
  ['wss://app.test', true],
  ['https://app.test:443/', true],
  ['ws://app.test', false],
  ['wss://evil.test/', false],
  ['http://gateway.test.evil.test/', false],
  ['http://gateway.test@evil.test/', false],
  ['http://gateway.test/evil', false],
  ['ws://gateway.test//', false],
  ['gateway.test', false],
  ['file://', false],
  ['null', false],
])('a client that names %s as its page is let in: %s', async (origin, isAllowed) => {
  const agent = await startTestAgent(hooksTo({ default: await startEchoTarget() }), {
    access: { allowedOrigins: ['https://app.test'] },
  });
  const raw = await openRaw(agent.port, handshakeBytes('/', { Origin: origin }));
  expect((await raw.until(/^HTTP\/1\.1 (\d+)/))[1]).toBe(isAllowed ? '101' : '403');
});

test('a page named as version 8 of WebSocket names it counts', () => {
  const headers = { host: 'gateway.test', 'sec-websocket-origin': 'https://evil.test' };
  const pages = openPages([], { localhostOrigins: 'never' }, {});
  const why = (origin: string) =>
    whyRefused(
      { ...headers, 'sec-websocket-origin': origin },
      pages,
      { hosts: [headers.host] },
      'access.allowedOrigins',
    );
  expect(why('https://evil.test')).toContain('"https://evil.test"');
  expect(why('http://gateway.test')).toBeUndefined();
});

test('an origin is read as browsers write it, also of other schemes than those of the web', () => {
  expect(readOrigin('WSS://App.Test:443/')?.text).toBe('https://app.test');
  expect(readOrigin('ws://[::1]:8080/')?.text).toBe('http://[::1]:8080');
  expect(readOrigin('wss://app.test:80')?.text).toBe('https://app.test:80');
  expect(readOrigin('chrome-extension://abc')?.text).toBe('chrome-extension://abc');
});
