import { once } from 'node:events';
import type { Hooks } from '@gopush/contract';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMemoryLog, startTestAgent } from '../support/agent.ts';
import { codeOf, handshakeBytes, openRaw, send } from '../support/client.ts';
import { startEchoTarget, type TestTarget } from '../support/target.ts';

/** An agent before two targets, with these routes. */
async function startRouted(routes: NonNullable<Hooks['router']>['routes'], more: object = {}, config: object = {}) {
  const [a, b] = [await startEchoTarget(), await startEchoTarget()];
  const memory = createMemoryLog();
  const hooks = { agent: () => 'ann', router: { default: a, shop: { targets: b, ...more }, routes: routes ?? [] } };
  const agent = await startTestAgent(hooks, config, memory.log);
  return { agent, a, b, memory };
}

function seenBy({ requests }: TestTarget): (string | undefined)[] {
  return requests.map(({ url }) => url);
}

test('requests and upgrades go where their path says, byte for byte, and the query is the target’s own', async () => {
  const { agent, a, b } = await startRouted([{ path: '/shop', product: 'shop' }]);
  await send(`${agent.url}/shop/a%2Fb;x//y?product=42&product=43&a=1&&b`);
  await send(`${agent.url}/shopping?product=default`);
  await send(`${agent.url}/x?product=shop`);
  const [hello] = await once(new WebSocket(`${agent.url}/shop/live?product=1`), 'message');
  expect(seenBy(b)).toEqual([
    '/shop/a%2Fb;x//y?product=42&product=43&a=1&&b',
    '/x?product=shop',
    '/shop/live?product=1',
  ]);
  expect(seenBy(a)).toEqual(['/shopping?product=default']);
  expect(JSON.parse(String(hello)).headers).toMatchObject({ 'x-gopush-product': 'shop' });
});

test('a host decides before a path does, whatever its port', async () => {
  const { agent, a, b } = await startRouted([
    { host: '*.shop.test', product: 'shop' },
    { path: '/x', product: 'default' },
  ]);
  await send(`${agent.url}/x`, { headers: { host: 'EU.shop.test:8443' } });
  await send(`${agent.url}/x`, { headers: { host: 'shop.test' } });
  expect([seenBy(a), seenBy(b)]).toEqual([['/x'], ['/x']]);
});

test.each<[object, string]>([
  [{ 'x-forwarded-host': 'shop.test' }, 'b'],
  [{ 'x-forwarded-host': 'Shop.test:443, inner' }, 'b'],
  [{ forwarded: 'for=1.2.3.4;host="shop.test:8443";proto=https, for=10.0.0.1;host=inner' }, 'b'],
  [{ forwarded: 'host=shop.test', 'x-forwarded-host': 'other.test' }, 'a'],
  [{ forwarded: 'for=1.2.3.4', 'x-forwarded-host': '' }, 'a'],
])('the host is the one that a trusted proxy says by %o, and no other’s', async (told, reached) => {
  const routes = [{ host: 'shop.test', product: 'shop' }];
  const headers = { ...told, host: 'inner' };
  const trusting = await startRouted(routes, {}, { access: { trustedProxies: ['127.0.0.1/32'] } });
  await send(trusting.agent.url, { headers });
  expect([seenBy(trusting.a), seenBy(trusting.b)]).toEqual(reached === 'b' ? [[], ['/']] : [['/'], []]);
  const wary = await startRouted(routes);
  await send(wary.agent.url, { headers });
  expect([seenBy(wary.a), seenBy(wary.b)]).toEqual([['/'], []]);
});

test('a path that some server may read as one of another route reaches none', async () => {
  const { agent, a, b } = await startRouted([{ path: '/shop', product: 'shop' }]);
  for (const path of ['/x/../shop', '/%73hop', '//shop', '//x/shop', '/shop/%2e%2e/x', '/Shop']) {
    const raw = await openRaw(agent.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*path_ambiguous/);
    const upgrade = await openRaw(agent.port, handshakeBytes(path));
    expect(await upgrade.closed()).toMatch(/^HTTP\/1\.1 400 [\s\S]*path_ambiguous/);
  }
  expect([seenBy(a), seenBy(b)]).toEqual([[], []]);
});

test('stripPath takes the path away and says so by X-Forwarded-Prefix, for requests and upgrades', async () => {
  const { agent, b } = await startRouted([{ path: '/a/shop', product: 'shop', stripPath: true }]);
  const headers = { 'x-forwarded-prefix': '/forged' };
  for (const path of ['/a/shop', '/a/shop/', '/a/shop?q', '/a/shop/x/y?q', '/a/shop//evil/x', '/a/shop/\\evil']) {
    await send(`${agent.url}${path.replace('\\', '%5c')}`, { headers });
  }
  await once(new WebSocket(`${agent.url}/a/shop/live?q`, { headers }), 'message');
  expect(seenBy(b)).toEqual(['/', '/', '/?q', '/x/y?q', '/evil/x', '/%5cevil', '/live?q']);
  expect(new Set(b.requests.map((request) => request.headers['x-forwarded-prefix']))).toEqual(new Set(['/a/shop']));
});

test('stripPath takes the path away however a client has escaped it', async () => {
  const { agent, b } = await startRouted([{ path: '/a/@b', product: 'shop', stripPath: true }]);
  for (const path of ['/a/%40b', '/a/%40b?q=/', '/a/%40b/x/%40y']) await send(`${agent.url}${path}`);
  expect(seenBy(b)).toEqual(['/', '/?q=/', '/x/%40y']);
  const answer = await send(`${agent.url}/a/%40b?q=1`, { headers: { accept: 'text/html' } });
  expect([answer.status, answer.headers.location]).toEqual([307, './@b/?q=1']);
});

test('the prefix goes on after that of a trusted proxy', async () => {
  const routes = [{ path: '/shop', product: 'shop', stripPath: true }];
  const { agent, b } = await startRouted(routes, {}, { access: { trustedProxies: ['127.0.0.1/32'] } });
  await send(`${agent.url}/shop/x`, { headers: { 'x-forwarded-prefix': '/outer' } });
  expect(b.requests[0]?.headers['x-forwarded-prefix']).toBe('/outer/shop');
});

test('a browser that opens a stripped path is sent to its folder, so that relative links work', async () => {
  const { agent, a, b } = await startRouted([
    { path: '/a/shop', product: 'shop', stripPath: true },
    { path: '/plain', product: 'default' },
  ]);
  const html = { headers: { accept: 'text/html,*/*' } };
  const answer = await send(`${agent.url}/a/shop?q=1`, html);
  expect([answer.status, answer.headers.location]).toEqual([307, './shop/?q=1']);
  expect(new URL(answer.headers.location as string, `${agent.url}/a/shop`).pathname).toBe('/a/shop/');
  for (const [path, options] of [
    ['/a/shop/', html],
    ['/a/shop', {}],
    ['/a/shop', { ...html, method: 'POST' }],
    ['/plain', html],
  ] as const) {
    expect((await send(`${agent.url}${path}`, options)).status).toBe(200);
  }
  expect([seenBy(a), seenBy(b)]).toEqual([['/plain'], ['/', '/', '/']]);
});

test('products with paths of their own have sticky cookies of their own', async () => {
  const { agent } = await startRouted([{ path: '/shop', product: 'shop' }], { sticky: 'cookie' });
  const cookieOf = async (path: string) => String((await send(`${agent.url}${path}`)).headers['set-cookie']);
  expect(await cookieOf('/shop/x')).toContain('; Path=/shop;');
  expect(await cookieOf('/?product=shop')).toContain('; Path=/;');
});

test('targets of a route fail over, wait and are counted as those of its product', async () => {
  const { agent, b, memory } = await startRouted(
    [{ path: '/shop', product: 'shop' }],
    {},
    { log: { requests: true }, hold: { timeoutMs: 0 } },
  );
  await send(`${agent.url}/shop/x`);
  expect((await memory.next(/^request$/)).fields).toMatchObject({ path: '/shop/x', product: 'shop' });
  b.server.closeAllConnections();
  b.server.close();
  expect(codeOf(await send(`${agent.url}/shop/x`))).toBe('target_unreachable');
});

test('a wrong route names file, key, what was found and what is wanted', async () => {
  await expect(startRouted([{ path: '/shop', product: 'shp' }])).rejects.toThrow(
    'hook router: routes[0]: product: found "shp", wanted a product of this router: default, shop',
  );
});

test('a whole URL as request target is routed by its own host and path', async () => {
  const { agent, a, b } = await startRouted([
    { host: 'shop.test', product: 'shop' },
    { path: '/only', product: 'shop' },
  ]);
  const ask = async (target: string): Promise<string> => {
    const raw = await openRaw(agent.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    return (await raw.closed()).slice(0, 12);
  };
  expect(await ask('http://shop.test:80/x')).toBe('HTTP/1.1 200');
  expect(await ask('http://other.test/only')).toBe('HTTP/1.1 200');
  expect(await ask('http://other.test/x/../only')).toBe('HTTP/1.1 400');
  expect([seenBy(a), seenBy(b)]).toEqual([[], ['/x', '/only']]);
});

test('hooks see the path as the client sent it', async () => {
  const target = await startEchoTarget();
  const seen: (string | undefined)[] = [];
  const remember = ({ url }: { readonly url?: string | undefined }) => {
    seen.push(url);
    return target;
  };
  const router = { shop: remember, routes: [{ path: '/shop', product: 'shop', stripPath: true }] };
  const agent = await startTestAgent({ agent: ({ url }) => (seen.push(url) > 0 ? 'ann' : ''), router });
  await send(`${agent.url}/shop/x?product=1`);
  expect(seen).toEqual(['/shop/x?product=1', '/shop/x?product=1']);
  expect(seenBy(target)).toEqual(['/x?product=1']);
});
