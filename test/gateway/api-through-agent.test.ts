import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigInput, type HookRequest, type Hooks, isIdentitySigned } from '@gopush/contract';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTarget } from '../../packages/agent/test/support/target.ts';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { apiConfig, call, keys, refusal } from '../support/api.ts';
import { gopush } from '../support/cli.ts';
import { believing, startTestAgent } from '../support/gateway.ts';
import { connectClient, nextEvent } from '../support/socket-io.ts';

const limited = 'a-key-for-the-product-shop-alone';
const secret = 'a secret that only tiers know';

/** An agent before two push-servers that have an API, as `gopush start` runs them. */
async function openDeployment(config: ConfigInput = {}, hooks: Hooks = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const all: ConfigInput = {
    serverPortStart: await freePort(2),
    ...config,
    api: { ...apiConfig, ...config.api },
    access: { secrets: [secret], ...config.access },
    pushServer: {
      fanoutDir: dir,
      storeDir: join(dir, 'store'),
      drainMs: 200,
      limits: { beginDelayMs: 0 },
      ...config.pushServer,
    },
  };
  const servers = [];
  for (const index of [0, 1]) {
    const server = await startPushServer({ config: all, index, dir, logger: silentLogger });
    onTestFinished(() => server.close());
    servers.push(server);
  }
  const agent = await startTestAgent({ agent: believing, onupgrade: believing, ...hooks }, { ...all, agentPort: 0 });
  return { agent, servers, dir, config: all };
}

const spellings = {
  'Authorization: Bearer': { authorization: `Bearer ${keys.all}` },
  'authorization: bearer': { authorization: `bearer  ${keys.all} ` },
  'X-Api-Key': { 'x-api-key': keys.all },
};

test.each(Object.entries(spellings))('%s through an agent: every request of the API', async (_name, headers) => {
  const { agent } = await openDeployment();
  const ask = (what: string, body?: unknown) => call(agent, what, body, { key: null, headers });
  const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  await ann.emitWithAck('go:join', 'lobby');
  const heard = nextEvent(ann, 'news');
  expect(await ask('POST /rooms/lobby/publish', { event: 'news', message: 1 })).toMatchObject({ status: 200 });
  expect(await heard).toBe(1);
  const statuses = [
    await ask('POST /users/ann/publish', { event: 'e' }),
    await ask('POST /notify', { event: 'e' }),
    await ask('POST /batch', [{ to: 'room', room: 'lobby', event: 'e' }]),
    await ask('GET /rooms'),
    await ask('GET /rooms/lobby/presence'),
    await ask('GET /rooms/lobby/history'),
    await ask('GET /users/ann/presence'),
    await ask('PUT /users/ann/rooms/other'),
    await ask('DELETE /users/ann/rooms/other'),
    await ask('POST /users/ann/disconnect'),
    await ask('GET /openapi.json'),
  ].map(({ status }) => status);
  expect(statuses).toEqual(Array(11).fill(200));
  ann.disconnect();
});

test('listeners with a key come through an agent, by Server-Sent Events and WebSocket, and count for no user', async () => {
  const { agent } = await openDeployment({ limits: { tunnelsPerUid: 1 } });
  const headers = { 'x-api-key': keys.read };
  const asked = request(`${agent.url}/api/v1/listen?room=a`, { headers, agent: false });
  asked.on('error', () => {}).end();
  onTestFinished(() => void asked.destroy());
  const [answer] = await once(asked, 'response');
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([
    200,
    expect.stringMatching('text/event-stream'),
  ]);
  let text = '';
  answer.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  answer.on('error', () => {});
  const heard: string[] = [];
  for (let count = 0; count < 2; count++) {
    const socket = new WebSocket(`${agent.url.replace('http', 'ws')}/api/v1/listen?room=a`, { headers });
    onTestFinished(() => socket.terminate());
    socket.on('message', (bytes) => heard.push(String(bytes)));
    await once(socket, 'open');
  }
  await expect.poll(() => heard.length).toBe(2);
  await call(agent, 'POST /rooms/a/publish', { event: 'e', message: 'to listeners' });
  await expect.poll(() => [text, ...heard].filter((one) => one.includes('to listeners')).length).toBe(3);
});

test('the key is spread over the push-servers, and no identity goes with it', async () => {
  const { agent, servers } = await openDeployment();
  const seen: { index: number; headers: Record<string, string>; url: string }[] = [];
  for (const [index, server] of servers.entries()) {
    server.io.httpServer.prependListener('request', ({ headers, url }: Omit<(typeof seen)[number], 'index'>) =>
      seen.push({ index, headers, url }),
    );
  }
  for (let count = 0; count < 20; count++) {
    const headers = { 'x-gopush-uid': 'root', x_gopush_uid: 'root', 'sec-gopush-vouched': '1' };
    expect((await call(agent, 'GET /rooms?uid=root', undefined, { headers })).status).toBe(200);
  }
  expect(new Set(seen.map(({ index }) => index)).size).toBe(2);
  expect(JSON.stringify(seen)).not.toMatch(/root|x-gopush-uid/);
  // It is signed without a uid, so it is not valid with one.
  for (const { headers } of seen) {
    expect(isIdentitySigned([secret], headers, Date.now())).toBe(true);
    expect(isIdentitySigned([secret], { ...headers, 'x-gopush-uid': 'root' }, Date.now())).toBe(false);
  }
});

test('any other key opens no way past the hooks', async () => {
  const { agent, servers } = await openDeployment();
  const wrong = 'not-one-of-the-keys-but-as-long';
  const ask = (path: string, headers: Record<string, string>) => fetch(`${agent.url}${path}`, { headers });
  const codeOf = async (path: string, headers: Record<string, string>) => {
    const answer = await ask(path, headers);
    return [answer.status, answer.headers.get('x-gopush-error'), answer.headers.get('www-authenticate')];
  };
  let asked = 0;
  for (const server of servers) server.io.httpServer.prependListener('request', () => asked++);
  expect(await codeOf('/api/v1/rooms', {})).toEqual([401, 'api_key_missing', 'Bearer']);
  expect(await codeOf('/api/v1/rooms', { 'x-api-key': wrong })).toEqual([401, 'api_key_unknown', 'Bearer']);
  expect(await codeOf('/api/v1/rooms', { authorization: `Bearer ${wrong}` })).toEqual([
    401,
    'api_key_unknown',
    'Bearer',
  ]);
  expect(await codeOf('/api/v1/listen?room=a', {})).toEqual([401, 'api_key_missing', 'Bearer']);
  // The key is for the API alone.
  for (const path of [
    '/',
    '/api/v1x',
    '/api/v2/rooms',
    '//api/v1/rooms',
    '/API/v1/rooms',
    '/%61pi/v1/rooms',
    '/socket.io/?EIO=4&transport=polling',
  ]) {
    expect([path, ...(await codeOf(path, { 'x-api-key': keys.all }))]).toEqual([path, 430, 'uid_missing', null]);
  }
  expect(asked).toBe(0);
  // The API itself refuses a user without a key.
  expect((await ask('/api/v1/rooms?user=ann', {})).status).toBe(401);
  expect(asked).toBe(1);
  const upgrade = new WebSocket(`${agent.url.replace('http', 'ws')}/api/v1/listen?room=a`, {
    headers: { 'x-api-key': wrong },
  });
  const [, answer] = await once(
    upgrade.on('error', () => {}),
    'unexpected-response',
  );
  expect([answer.statusCode, answer.headers['x-gopush-error']]).toEqual([401, 'api_key_unknown']);
});

test('a key goes to no server but the built-in push-servers without a uid', async () => {
  const target = await startTarget();
  const router = {
    default: 'push-server',
    game: { ip: '127.0.0.1', port: target.port },
    docs: () => ({ ip: '127.0.0.1', port: target.port }),
  } as const;
  const { agent } = await openDeployment({}, { router });
  expect((await call(agent, 'GET /rooms')).status).toBe(200);
  for (const product of ['game', 'docs']) {
    const answer = await fetch(`${agent.url}/api/v1/rooms?product=${product}`, { headers: { 'x-api-key': keys.all } });
    expect([product, answer.status]).toEqual([product, 430]);
  }
  expect(refusal(await call(agent, 'GET /rooms?product=nowhere'))).toEqual([404, 'product_unknown']);
});

test('scopes, products and the rate of a key count through an agent', async () => {
  const { agent } = await openDeployment({
    pushServer: { isolateProducts: true, fanoutDir: await mkdtemp(join(tmpdir(), 'gopush-')) },
    api: {
      perSecond: 3,
      keys: [
        ...(apiConfig.keys ?? []),
        { name: 'shop', key: limited, scopes: ['publish', 'read'], products: ['shop'] },
      ],
    },
  });
  const by = (key: string, what: string, body?: unknown) =>
    call(agent, what, body, { key: null, headers: { 'x-api-key': key } });
  expect(refusal(await by(keys.read, 'POST /notify', { event: 'e' }))).toEqual([403, 'api_scope_missing']);
  expect((await by(limited, 'POST /rooms/a/publish?product=shop', { event: 'e' })).status).toBe(200);
  expect(refusal(await by(limited, 'POST /rooms/a/publish', { event: 'e' }))).toEqual([403, 'api_scope_missing']);
  const many = await Promise.all(Array.from({ length: 20 }, () => by(keys.read, 'GET /rooms')));
  expect(many.some((one) => refusal(one)[1] === 'too_many_requests')).toBe(true);
});

test("a user's own bearer token is no key: the hook reads it, and the user may listen", async () => {
  const agentHook = (asked: HookRequest) => asked.headers.authorization?.replace('Bearer of-', '');
  const { agent } = await openDeployment({}, { agent: agentHook, onupgrade: agentHook });
  const answer = await fetch(`${agent.url}/api/v1/listen?room=a`, { headers: { authorization: 'Bearer of-ann' } });
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
  const unknown = await fetch(`${agent.url}/api/v1/listen?room=a`, {
    headers: { authorization: 'Bearer of-ann', 'x-api-key': 'wrong' },
  });
  expect([unknown.status, (await unknown.json()).error.code]).toEqual([401, 'api_key_unknown']);
});

test('the commands of the shell ask an agent as well', async () => {
  const { agent } = await openDeployment();
  const { code, stdout, stderr } = await gopush(['push', 'room', 'lobby', 'chat', 'hi', '--url', agent.url], {
    env: { GOPUSH_API_KEY: keys.all },
  });
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toMatchObject({ duplicate: false });
});

test('behind a route that takes its path off, the API is where the push-server has it', async () => {
  const routes = [
    { path: '/realtime', product: 'default', stripPath: true },
    { path: '/api', product: 'default', stripPath: true },
  ];
  const { agent } = await openDeployment({}, { router: { default: 'push-server', routes } });
  const statusOf = async (path: string) =>
    (await fetch(`${agent.url}${path}`, { headers: { 'x-api-key': keys.all } })).status;
  expect(await statusOf('/realtime/api/v1/rooms')).toBe(200);
  expect(await statusOf('/api/api/v1/rooms')).toBe(200);
  // The push-server gets /v1/rooms.
  expect(await statusOf('/api/v1/rooms')).toBe(430);
});
