import { once } from 'node:events';
import { request as askHttp, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { apiConfig, keys } from '../support/api.ts';
import { noBrowser, startBrowser } from '../support/browser.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { readMetric } from '../support/metrics.ts';
import { connectClient } from '../support/socket-io.ts';

type Headers = Record<string, string>;

const evil = { Origin: 'https://evil.test' };

async function start(config: ConfigInput = {}): Promise<PushServer> {
  const [server] = await startPushServers(1, { api: apiConfig, admin: { serverPort: 0 }, ...config });
  return server as PushServer;
}

/** Asks with whatever headers, as no `fetch` lets one. */
async function ask(url: string, path: string, headers: Headers, method = 'GET'): Promise<number> {
  const request = askHttp(url + path, { method, headers, agent: false }).end();
  const [response] = await once(request, 'response');
  response.destroy();
  return response.statusCode;
}

async function open(url: string, path: string, headers: Headers): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers });
  return new Promise((resolve) => {
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
      socket.terminate();
    });
    socket.on('error', () => {});
  });
}

const key = { 'X-Api-Key': keys.all };
const webSocket = '/socket.io/?EIO=4&transport=websocket&uid=admin';
const polling = '/socket.io/?EIO=4&transport=polling&uid=admin';
/** Each way into a push-server. */
const ways: readonly [string, (server: { url: string }, headers: Headers) => Promise<number>, number][] = [
  ['a WebSocket', ({ url }, headers) => open(url, webSocket, headers), 101],
  ['polling', ({ url }, headers) => ask(url, polling, headers), 200],
  ['the API', ({ url }, headers) => ask(url, '/api/v1/rooms', { ...key, ...headers }), 200],
  ['a listener', ({ url }, headers) => ask(url, '/api/v1/listen?room=x', { ...key, ...headers }), 200],
  ['a WebSocket listener', ({ url }, headers) => open(url, '/api/v1/listen?room=x', { ...key, ...headers }), 101],
];

/** The headers with which pages reach a push-server, and whether it accepts them. */
const pages: readonly [string, (port: number) => Headers, boolean][] = [
  ['a page of another origin', () => evil, false],
  ['a sandboxed page', () => ({ Origin: 'null' }), false],
  ['a page of another port of this machine', () => ({ Origin: 'http://127.0.0.1:8080' }), false],
  ['a page of another origin that hides its own', () => ({ 'Sec-Fetch-Site': 'cross-site' }), false],
  ['a page of another port that hides its own', () => ({ 'Sec-Fetch-Site': 'same-site' }), false],
  ['a page whose name was pointed here', (port) => ({ Host: `evil.test.example:${port}` }), false],
  [
    'such a page that says where it is from',
    (port) => ({
      Host: `evil.example:${port}`,
      Origin: `http://evil.example:${port}`,
      'Sec-Fetch-Site': 'same-origin',
    }),
    false,
  ],
  [
    'such a page that says it is an agent',
    (port) => ({ Host: `evil.example:${port}`, 'x-gopush-agent': 'agent', 'x-gopush-uid': 'admin' }),
    false,
  ],
  ['a program', () => ({}), true],
  ['a program that asks by the name of a service', () => ({ Host: 'push-server:4000' }), true],
  ['a page that the push-server has served', (port) => ({ Origin: `http://127.0.0.1:${port}` }), true],
  ['someone who types the address', () => ({ 'Sec-Fetch-Site': 'none' }), true],
];

test.each(ways)('%s: pages of other origins are refused, programs are not', async (_what, way, status) => {
  const server = await start();
  for (const [page, headersOf, comesIn] of pages) {
    expect([page, await way(server, headersOf(server.port))]).toEqual([page, comesIn ? status : 403]);
  }
  expect(await readMetric(server, 'refusals_total{code="origin_refused"}')).toBe(8);
});

test('files and the client library are for all pages', async () => {
  const server = await start({ pushServer: { publicDir: 'public' } });
  for (const path of [
    '/socket.io/socket.io.js',
    '/socket.io/socket.io.esm.min.js?x',
    '/socket.io/socket.io.min.js.map',
  ]) {
    expect([path, await ask(server.url, path, evil)]).toEqual([path, 200]);
  }
  expect(await ask(server.url, '/nothing', evil)).toBe(404);
  // A path that looks like a file of the library, but is none, belongs to Engine.IO.
  for (const path of ['/socket.io/socket.io.js/?', '/socket.io/socket.iox.js?', '/socket.io/?%54=1&']) {
    expect([path, await ask(server.url, `${path}&EIO=4&transport=polling&uid=admin`, evil)]).toEqual([path, 403]);
  }
});

test('pages that pushServer.allowedOrigins names may come without an agent, by whatever name', async () => {
  const app = { Origin: 'https://app.example', Host: 'app.example' };
  const server = await start({ pushServer: { allowedOrigins: ['https://app.example'] } });
  for (const [what, way, status] of ways) {
    expect([what, await way(server, app), await way(server, evil)]).toEqual([what, status, 403]);
  }
  const open = await start({ pushServer: { allowedOrigins: ['*'] } });
  for (const [what, way, status] of ways) {
    expect([what, await way(open, { ...evil, Host: 'x.example' })]).toEqual([what, status]);
  }
});

test('with secrets, programs may ask by any name, and pages are refused as well', async () => {
  const server = await start({ access: { secrets: ['0123456789abcdef'] } });
  expect(await ask(server.url, '/api/v1/rooms', { ...key, Host: 'push.example' })).toBe(200);
  expect(await ask(server.url, '/api/v1/rooms', { ...key, ...evil })).toBe(403);
});

test('an agent vouches for the pages that it lets in, and no client can do so for it', async () => {
  const secrets = ['0123456789abcdef'];
  for (const access of [{}, { secrets }]) {
    const server = await start({ access });
    const agent = await startTestAgent(
      { agent: believing, router: { default: targetsOf([server]) } },
      { access: { ...access, allowedOrigins: ['https://app.example'] } },
    );
    const way = (what: string) => (ways.find(([name]) => name === what) as (typeof ways)[number])[1];
    for (const [what, status] of [
      ['a WebSocket', 101],
      ['polling', 200],
    ] as const) {
      const asked = (headers: Headers) =>
        what === 'polling'
          ? ask(agent.url, `${polling}&user=ann`, headers)
          : open(agent.url, `${webSocket}&user=ann`, headers);
      expect([what, await asked({ Origin: 'https://app.example' })]).toEqual([what, status]);
      expect([what, await asked({ Origin: `http://127.0.0.1:${agent.port}` })]).toEqual([what, status]);
      expect([what, await asked({ Origin: 'https://www.example', Host: 'www.example' })]).toEqual([what, status]);
      expect([what, await asked({})]).toEqual([what, status]);
      expect([what, await asked({ ...evil, 'sec-gopush-vouched': '1' })]).toEqual([what, 403]);
      expect([what, await asked({ 'Sec-Fetch-Site': 'cross-site' })]).toEqual([what, 403]);
    }
    // Back ends use the API with keys; CORS decides what pages may request.
    expect(await way('the API')({ url: `${agent.url}` }, { cookie: 'x=1' })).toBe(430);
    const client = await connectClient(agent.url, 'websocket', {
      query: { user: 'ann' },
      extraHeaders: { Origin: 'https://app.example' },
    });
    expect(client.connected).toBe(true);
  }
});

test('an agent looks at the pages of long-polling wherever it is served, and lets none read it as a script', async () => {
  const server = createServer((_request, response) => void response.end()).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const router = { default: [{ ip: '127.0.0.1', port }] };
  const agent = await startTestAgent({ agent: believing, router });
  const own = { 'Sec-Fetch-Site': 'same-origin' };
  const foreign = { 'Sec-Fetch-Site': 'cross-site' };
  const elsewhere = ['EIO=4', '%45IO=4', 'EI%4f=3', 'transport=polling', '%74ransport=polling', 'transport=p%6flling'];
  for (const query of elsewhere) {
    const path = `/own/?x=1&${query}&user=ann`;
    expect([query, await ask(agent.url, path, foreign)]).toEqual([query, 403]);
    expect([query, await ask(agent.url, path, { Origin: 'https://evil.example' })]).toEqual([query, 403]);
    expect([query, await ask(agent.url, path, own)]).toEqual([query, 200]);
  }
  for (const j of ['j=0', '%6a=0', 'j', 'j=0&j=1']) {
    const path = `${polling}&user=ann&${j}`;
    expect([j, await ask(agent.url, path, {})]).toEqual([j, 400]);
    expect([j, await ask(agent.url, path, { 'Sec-Fetch-Site': 'none' })]).toEqual([j, 400]);
    expect([j, await ask(agent.url, path, own)]).toEqual([j, 200]);
  }
  // Other requests have such parameters, too.
  const others = ['/own/?transport=bus&user=ann', '/own/?j=1&user=ann', '/own/?q=%45&EIOx=4&user=ann'];
  for (const path of others) expect([path, await ask(agent.url, path, foreign)]).toEqual([path, 200]);
  const open = await startTestAgent({ agent: believing, router }, { access: { allowedOrigins: ['*'] } });
  expect(await ask(open.url, `${polling}&user=ann&j=0`, foreign)).toBe(200);
});

test('a client cannot have the word of an agent passed on', async () => {
  const [server] = await startPushServers(1);
  const agent = await startTestAgent(
    { agent: believing, router: { default: targetsOf([server as PushServer]) } },
    { access: { allowedOrigins: ['*'] } },
  );
  expect(
    await ask(agent.url, `${polling}&user=ann`, { 'sec-gopush-vouched': '0', Connection: 'sec-gopush-vouched' }),
  ).toBe(200);
});

test.skipIf(noBrowser)(
  'a real browser: a page whose name was pointed here reaches neither push-server nor admin listener',
  async () => {
    const server = await start();
    const adminPort = new URL(server.adminUrl ?? '').port;
    const browser = await startBrowser(
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
      // Some browsers ask their user first.
      '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights',
    );
    const page = await browser.newPage();
    // The page itself comes from elsewhere; its later requests go to the server that has its name by then.
    await page.route(/\/page$/, (route) => route.fulfill({ contentType: 'text/html', body: '<title>evil</title>' }));
    const ask = (path: string, method: string, headers: Headers): Promise<number> =>
      page.evaluate(async ([to, how, given]) => (await fetch(to, { method: how, headers: given })).status, [
        path,
        method,
        headers,
      ] as const);
    const connect = (url: string): Promise<string> =>
      page.evaluate(
        (to) =>
          new Promise<string>((resolve) => {
            const socket = new globalThis.WebSocket(to);
            socket.onopen = () => resolve('open');
            socket.onerror = () => resolve('refused');
          }),
        url,
      );
    await page.goto(`http://evil.example:${server.port}/page`);
    // Browsers let pages set none of the headers by which agents vouch.
    const forged = { 'sec-gopush-vouched': '1', 'x-gopush-agent': 'agent', 'x-gopush-uid': 'admin' };
    for (const headers of [{}, forged]) expect(await ask(polling, 'GET', headers)).toBe(403);
    expect(await ask('/api/v1/rooms', 'GET', { ...key, ...forged })).toBe(403);
    expect(await connect(`ws://evil.example:${server.port}${webSocket}`)).toBe('refused');
    expect(await connect(`ws://127.0.0.1:${server.port}${webSocket}`)).toBe('refused');
    await page.goto(`http://evil.example:${adminPort}/page`);
    expect(await ask('/drain', 'PUT', {})).toBe(403);
    expect(await ask('/state', 'GET', {})).toBe(403);
  },
);
