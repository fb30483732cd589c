import type { ConfigInput, UidHook } from '@gopush/contract';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { send } from '../../packages/agent/test/support/client.ts';
import { startTarget } from '../../packages/agent/test/support/target.ts';
import { apiConfig, keys } from '../support/api.ts';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';

const app = 'http://app.example';
const evil = 'http://evil.example';
const allowedOrigins = [app];

/** Users have a token, which pages send in a header if they can set one. */
const byToken: UidHook = ({ headers, query }) => headers.authorization?.replace('Bearer ', '') ?? query.user;

const preflight = (origin: string, more: Record<string, string> = {}) => ({
  method: 'OPTIONS',
  headers: {
    Origin: origin,
    'Access-Control-Request-Method': 'PUT',
    'Access-Control-Request-Headers': 'authorization,content-type',
    ...more,
  },
});

async function open(more: ConfigInput = {}) {
  const config = { ...more, access: { allowedOrigins, ...more.access } };
  const [server] = await startPushServers(1, { api: apiConfig, ...config, pushServer: { allowedOrigins } });
  const own = await startTarget((_request, response) => {
    response.setHeader('access-control-allow-origin', 'http://of-target.example').end('of target');
  });
  const cors = await startTarget((request, response) => {
    response.writeHead(request.method === 'OPTIONS' ? 299 : 200, { 'access-control-allow-origin': '*' });
    response.end(JSON.stringify(request.headers));
  });
  const [gone] = [{ ip: '127.0.0.1', port: 1 }];
  const agent = await startTestAgent(
    {
      agent: byToken,
      router: {
        default: targetsOf([server as never]),
        own,
        gone,
        cors: { targets: cors, preflight: 'pass' },
        routes: [{ path: '/folder', product: 'own', stripPath: true }],
      },
    },
    { hold: { timeoutMs: 0 }, ...config },
  );
  return { agent, server: server as NonNullable<typeof server>, cors };
}

test('preflights of listed origins are answered without a hook, by agents and by push-servers', async () => {
  const { agent, server } = await open();
  for (const url of [
    `${agent.url}/api/v1/rooms`,
    `${agent.url}/socket.io/?EIO=4&transport=polling`,
    `${agent.url}/anything?product=own`,
    `${server.url}/api/v1/rooms`,
    `${server.url}/socket.io/?EIO=4&transport=polling`,
    `${server.url}/files/x`,
  ]) {
    const answer = await send(url, preflight(app, { 'Access-Control-Request-Private-Network': 'true' }));
    expect([url, answer.status, answer.body]).toEqual([url, 204, '']);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-allow-private-network': 'true',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    });
    const refused = await send(url, preflight(evil));
    const status = url.endsWith('/files/x') ? 404 : 403;
    expect([url, refused.status, refused.headers['access-control-allow-origin']]).toEqual([url, status, undefined]);
    if (status === 403) expect(refused.body).toMatch(/origin_refused.*http:\/\/evil\.example.*allowedOrigins/);
    // An OPTIONS that asks for nothing is a request like any other.
    const plain = await send(url, { method: 'OPTIONS', headers: { Origin: app } });
    expect([url, plain.status === 204]).toEqual([url, false]);
  }
});

test('a product may have preflights passed on, of all origins, without a uid', async () => {
  const { agent, cors } = await open();
  for (const origin of [app, evil, 'null']) {
    const answer = await send(`${agent.url}/?product=cors&uid=admin`, preflight(origin, { 'x-gopush-uid': 'admin' }));
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([299, '*']);
    const { url, headers } = cors.requests.at(-1) as (typeof cors.requests)[number];
    expect([url, headers['x-gopush-uid']]).toEqual(['/?product=cors', undefined]);
  }
  // Nothing else passes without a uid.
  expect((await send(`${agent.url}/?product=cors`, { headers: { Origin: app } })).status).toBe(430);
  expect((await send(`${agent.url}/?product=cors`, { method: 'OPTIONS', headers: { Origin: app } })).status).toBe(430);
});

test('listed origins may read all answers of ours, others none, and what a target says of CORS stays alone', async () => {
  const { agent, server } = await open();
  const asked: readonly [string, number][] = [
    [`${agent.url}/`, 430],
    [`${agent.url}/?product=nothing&user=ann`, 404],
    [`${agent.url}/?product=gone&user=ann`, 502],
    [`${agent.url}/?product=a&product=b&user=ann`, 400],
    [`${agent.url}/nothing?user=ann`, 404],
    [`${agent.url}/api/v1/rooms?user=ann`, 401],
    [`${agent.url}/socket.io/?EIO=4&transport=polling&user=ann`, 200],
    [`${agent.url}/socket.io/?EIO=4&transport=polling&user=ann&sid=x`, 400],
    [`${agent.url}/socket.io/socket.io.js?user=ann`, 200],
    [`${server.url}/nothing`, 404],
    [`${server.url}/api/v1/rooms`, 401],
    [`${server.url}/api/v1/listen?room=x`, 401],
    [`${server.url}/socket.io/?EIO=4&transport=polling&j=1`, 400],
    [`${server.url}/socket.io/socket.io.js`, 200],
  ];
  for (const [url, status] of asked) {
    const answer = await send(url, { headers: { Origin: app } });
    expect([url, answer.status, answer.headers['access-control-allow-origin']]).toEqual([url, status, app]);
    expect([url, answer.headers['access-control-allow-credentials']]).toEqual([url, 'true']);
    expect([url, answer.headers['access-control-expose-headers']]).toEqual([
      url,
      expect.stringContaining('x-gopush-error'),
    ]);
    expect([url, answer.headers.vary]).toEqual([url, expect.stringMatching(/^(.*, )?Origin$/)]);
    for (const headers of [{ Origin: evil }, { Origin: 'null' }, { Origin: `${app}.evil.example` }, {}]) {
      const other = await send(url, { headers });
      expect([url, headers, other.headers['access-control-allow-origin']]).toEqual([url, headers, undefined]);
    }
  }
  const redirect = await send(`${agent.url}/folder`, { headers: { Origin: app, Accept: 'text/html' } });
  expect([redirect.status, redirect.headers['access-control-allow-origin'], redirect.headers.vary]).toEqual([
    307,
    app,
    'accept, Origin',
  ]);
  const ofTarget = await send(`${agent.url}/?product=own&user=ann`, { headers: { Origin: app } });
  expect(ofTarget.headers['access-control-allow-origin']).toBe('http://of-target.example');
});

/** What a page finds out by asking. */
const ask = (page: Page, url: string, init: RequestInit = {}): Promise<[number, string | null, string]> =>
  page.evaluate(
    async ([to, how]) => {
      try {
        const answer = await fetch(to, how);
        return [answer.status, answer.headers.get('x-gopush-error'), await answer.text()];
      } catch {
        return [0, null, 'unreadable'];
      }
    },
    [url, init] as const,
  );

const listen = (page: Page, url: string): Promise<string> =>
  page.evaluate(
    (to) =>
      new Promise<string>((resolve) => {
        const source = new globalThis.EventSource(to, { withCredentials: true });
        source.onopen = () => resolve('open');
        source.onerror = () => resolve('refused');
      }),
    url,
  );

const openWebSocket = (page: Page, url: string): Promise<string> =>
  page.evaluate(
    (to) =>
      new Promise<string>((resolve) => {
        const socket = new globalThis.WebSocket(to);
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('refused');
      }),
    url,
  );

const connect = (page: Page, url: string, transport: string): Promise<string> =>
  page.evaluate(
    ([to, how]) =>
      new Promise<string>((resolve) => {
        // biome-ignore lint/suspicious/noExplicitAny: the client library of the page
        const socket = (globalThis as any).io(to, {
          transports: [how],
          query: { user: 'ann', uid: 'ann' },
          reconnection: false,
        });
        socket.on('connect', () => resolve('connected'));
        socket.on('connect_error', () => resolve('refused'));
      }),
    [url, transport] as const,
  );

test.skipIf(noBrowser)('pages of another origin in a real browser', async () => {
  const { agent, server } = await open();
  const browser = await startBrowser(
    '--host-resolver-rules=MAP app.example 127.0.0.1, MAP evil.example 127.0.0.1',
    // Some browsers ask their user first.
    '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights',
  );
  const openPage = async (origin: string): Promise<Page> => {
    const page = await browser.newPage();
    await page.route(`${origin}/`, (route) => route.fulfill({ contentType: 'text/html', body: '<title>page</title>' }));
    await page.goto(`${origin}/`);
    await page.addScriptTag({ url: `${agent.url}/socket.io/socket.io.js?user=ann` });
    return page;
  };
  const [page, foreign] = [await openPage(app), await openPage(evil)];
  const ann = { Authorization: 'Bearer ann' };
  const json = { method: 'POST', headers: { ...ann, 'Content-Type': 'application/json' }, body: '{}' };
  const post = (key: string): RequestInit => ({
    method: 'POST',
    headers: { 'X-Api-Key': key, 'Content-Type': 'application/json' },
    body: JSON.stringify({ event: 'news', message: 1 }),
  });
  const asked: readonly [string, string, RequestInit, number, string | null, string][] = [
    ['a header that needs a preflight', `${agent.url}/nothing`, { headers: ann }, 404, null, 'not_found'],
    ['cookies', `${agent.url}/nothing?user=ann`, { credentials: 'include' }, 404, null, 'not_found'],
    ['a POST of JSON', `${agent.url}/nothing`, json, 404, null, 'not_found'],
    ['no credentials', `${agent.url}/`, {}, 430, 'uid_missing', 'uid_missing'],
    [
      'a product that is not there',
      `${agent.url}/?product=no`,
      { headers: ann },
      404,
      'product_unknown',
      'product_unk',
    ],
    ['a target that is gone', `${agent.url}/?product=gone`, { headers: ann }, 502, 'target_unreachable', 'target_unre'],
    ['the API', `${server.url}/api/v1/rooms/lobby/publish`, post(keys.all), 200, null, 'offset'],
    [
      'the API with a wrong key',
      `${server.url}/api/v1/rooms/lobby/publish`,
      post('wrong'),
      401,
      null,
      'api_key_unknown',
    ],
    ['JSONP', `${server.url}/socket.io/?EIO=4&transport=polling&j=1`, {}, 400, null, 'jsonp_refused'],
    ['the client library', `${server.url}/socket.io/socket.io.js`, {}, 200, null, 'socket.io'],
    ['a target with its own CORS', `${agent.url}/?product=cors&user=ann`, {}, 200, null, 'x-gopush-uid'],
  ];
  for (const [what, url, init, status, code, text] of asked) {
    const answer = await ask(page, url, init);
    expect([what, ...answer]).toEqual([what, status, code, expect.stringContaining(text)]);
    const unreadable = what === 'a target with its own CORS' ? status : 0;
    expect([what, (await ask(foreign, url, init))[0]]).toEqual([what, unreadable]);
  }
  for (const url of [`${agent.url}/api/v1/listen?user=ann&`, `${server.url}/api/v1/listen?`]) {
    expect([url, await listen(foreign, url)]).toEqual([url, 'refused']);
  }
  expect(await listen(page, `${agent.url}/api/v1/listen?user=ann`)).toBe('open');
  for (const [by, answer] of [
    [page, 'open'],
    [foreign, 'refused'],
  ] as const) {
    expect(await openWebSocket(by, `${agent.url}/api/v1/listen?user=ann`.replace('http', 'ws'))).toBe(answer);
  }
  for (const transport of ['websocket', 'polling']) {
    for (const url of [agent.url, server.url]) {
      expect([url, transport, await connect(page, url, transport)]).toEqual([url, transport, 'connected']);
      expect([url, transport, await connect(foreign, url, transport)]).toEqual([url, transport, 'refused']);
    }
  }
});
