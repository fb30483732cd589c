import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { readMetric } from '../support/metrics.ts';
import { connectClient } from '../support/socket-io.ts';

const secrets = ['0123456789abcdef'];

async function start(config: ConfigInput = {}) {
  const [server] = (await startPushServers(1, { admin: { serverPort: 0 }, ...config })) as [PushServer];
  const router = { default: targetsOf([server]), other: targetsOf([server]) };
  const agent = await startTestAgent({ agent: believing, router }, config);
  return { server, agent };
}

type Headers = Record<string, string>;

/** One request of Engine.IO. */
interface Ask {
  readonly url: string;
  readonly query: string;
  readonly headers?: Headers;
}

async function poll({ url, query, headers = {} }: Ask, body?: string): Promise<{ status: number; text: string }> {
  const method = body === undefined ? 'GET' : 'POST';
  const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling&${query}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

async function upgrade({ url, query, headers = {} }: Ask): Promise<number> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&${query}`, {
    headers,
  });
  const status = await new Promise<number>((resolve) => {
    socket.on('open', () => resolve(101));
    socket.on('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode));
    socket.on('error', () => {});
  });
  socket.terminate();
  return status;
}

/** Begins a session by long-polling, and connects in it. */
async function begin(ask: Ask): Promise<string> {
  const { sid } = JSON.parse((await poll(ask)).text.slice(1));
  expect((await poll({ ...ask, query: `${ask.query}&sid=${sid}` }, '40')).status).toBe(200);
  return sid;
}

/** Asks in a session in each way there is. */
async function tryAll(ask: Ask): Promise<number[]> {
  return [(await poll(ask)).status, (await poll(ask, '42["go:join","lobby"]')).status, await upgrade(ask)];
}

test.each([
  ['an agent', {}],
  ['an agent that signs', { access: { secrets } }],
])('behind %s, a session goes on with requests of its own user alone', async (_what, config) => {
  const { server, agent } = await start(config);
  const ann = { url: agent.url, query: 'user=ann' };
  const sid = await begin(ann);
  for (const query of ['user=bob', 'user=ann&product=other', 'user=Ann', 'uid=ann&user=bob']) {
    expect([query, await tryAll({ url: agent.url, query: `${query}&sid=${sid}` })]).toEqual([query, [410, 410, 410]]);
  }
  // Messages that others could not poll are still there for her.
  expect((await poll({ ...ann, query: `user=ann&sid=${sid}` })).text).toMatch(/^40\{"sid":/);
  expect(await upgrade({ ...ann, query: `user=ann&sid=${sid}` })).toBe(101);
  expect(await readMetric(server, 'refusals_total{code="session_unknown"}')).toBe(12);
});

test('without an agent as well: by the query, by headers, and with secrets by the signature', async () => {
  const { server } = await start();
  const { url } = server;
  const byQuery = await begin({ url, query: 'uid=ann' });
  expect(await tryAll({ url, query: `uid=bob&sid=${byQuery}` })).toEqual([410, 410, 410]);
  expect(await tryAll({ url, query: `sid=${byQuery}` })).toEqual([410, 410, 410]);
  expect(await tryAll({ url, query: `uid=ann&sid=${byQuery}`, headers: { 'x-gopush-uid': 'bob' } })).toEqual([
    410, 410, 410,
  ]);
  const byHeader = await begin({ url, query: '', headers: { 'x-gopush-uid': 'ann' } });
  expect(await tryAll({ url, query: `uid=ann&sid=${byHeader}` })).toEqual([410, 410, 410]);
  expect((await poll({ url, query: `sid=${byHeader}`, headers: { 'x-gopush-uid': 'ann' } })).status).toBe(200);

  const signed = await start({ access: { secrets } });
  const sid = await begin({ url: signed.agent.url, query: 'user=ann' });
  const forged = { 'x-gopush-uid': 'ann', 'x-gopush-product': 'default' };
  expect(await tryAll({ url: signed.server.url, query: `uid=ann&sid=${sid}`, headers: forged })).toEqual([
    410, 410, 410,
  ]);
});

test('a session that began as a WebSocket has no other requests, even of its own user', async () => {
  const { agent } = await start();
  const ann = await connectClient(agent.url, 'websocket', { query: { user: 'ann' } });
  const sid = ann.io.engine.id;
  for (const user of ['ann', 'bob']) {
    expect([user, await tryAll({ url: agent.url, query: `user=${user}&sid=${sid}` })]).toEqual([user, [410, 410, 410]]);
  }
  expect(await ann.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
});

test('a user who has signed in anew begins a new session by itself', async () => {
  const [server] = (await startPushServers(1)) as [PushServer];
  let user = 'ann';
  const agent = await startTestAgent({ agent: () => user, router: { default: targetsOf([server]) } });
  const client = await connectClient(agent.url, 'polling', { reconnection: true, reconnectionDelay: 10 });
  const isBob = new Promise<void>((resolve) => {
    client.on('go:welcome', ({ uid }: { uid: string }) => uid === 'bob' && resolve());
  });
  user = 'bob';
  client.emit('go:join', 'lobby');
  await isBob;
});

test('JSONP is refused, however it is written, directly and behind an agent', async () => {
  const { server, agent } = await start();
  for (const [url, who] of [
    [server.url, 'uid=ann'],
    [agent.url, 'user=ann'],
  ] as const) {
    for (const j of ['j=0', '%6a=0', 'j', 'j=']) {
      const { status, text } = await poll({ url, query: `${who}&${j}` });
      expect([j, status, JSON.parse(text).error.code]).toEqual([j, 400, 'jsonp_refused']);
    }
    const sid = await begin({ url, query: who });
    expect((await poll({ url, query: `${who}&sid=${sid}&j=1` })).status).toBe(400);
    expect((await poll({ url, query: `${who}&sid=${sid}&jj=1` })).status).toBe(200);
  }
});

test('an upgrade in another version of the protocol of Engine.IO is refused as HTTP, before it is accepted', async () => {
  const { server, agent } = await start();
  for (const { url } of [server, agent]) {
    const ask = (version: string): Promise<number> => upgrade({ url, query: `${version}&uid=ann&user=ann` });
    expect(await Promise.all(['x=y', 'EIO=3', 'EIO='].map(ask))).toEqual([101, 400, 400]);
  }
});
