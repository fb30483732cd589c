import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient, openClient } from '../support/socket-io.ts';

const path = '/live/socket';
const evil = { Origin: 'https://evil.example' };

async function start(given = path) {
  const config = { pushServer: { path: given } };
  const servers = (await startPushServers(2, config)) as [PushServer, PushServer];
  const agent = await startTestAgent({ agent: believing, router: { default: targetsOf(servers) } }, config);
  return { agent, servers };
}

test.each([path, `${path}/`])('clients connect by pushServer.path %s, and by no other', async (given) => {
  const { agent, servers } = await start(given);
  for (const transport of ['websocket', 'polling', 'upgrade'] as const) {
    const clients = await Promise.all(
      Array.from({ length: 6 }, (_, n) => connectClient(agent.url, transport, { path, query: { user: `u${n}` } })),
    );
    for (const client of clients) expect(await client.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
    for (const client of clients) client.disconnect();
  }
  for (const url of [agent.url, servers[0].url]) {
    const lost = openClient(url, 'websocket', { query: { user: 'ann', uid: 'ann' } });
    await new Promise((resolve) => lost.once('connect_error', resolve));
    const answer = await fetch(`${url}/socket.io/?EIO=4&transport=polling&user=ann&uid=ann`);
    expect([answer.status, (await answer.json()).error.code]).toEqual([404, 'not_found']);
  }
});

test('the client library is below it, for all pages, and where gopush 0.1 had it', async () => {
  const { agent, servers } = await start();
  for (const url of [agent.url, servers[0].url]) {
    const library = await fetch(`${url}${path}/socket.io.js?user=ann`, { headers: evil });
    expect([library.status, (await library.text()).includes('Socket.IO v4')]).toEqual([200, true]);
    const old = await fetch(`${url}/socket.io.js?user=ann`, { redirect: 'manual' });
    expect([old.status, old.headers.get('location')]).toEqual([302, `.${path}/socket.io.js`]);
    expect((await fetch(`${url}/socket.io/socket.io.js?user=ann`)).status).toBe(404);
  }
});

test('pages of other origins are refused below it, and below the usual path, which other targets have', async () => {
  const { agent, servers } = await start();
  const statusOf = async (url: string): Promise<number> => (await fetch(url, { headers: evil })).status;
  for (const query of ['EIO=4&transport=polling', 'nothing=1']) {
    expect([query, await statusOf(`${servers[0].url}${path}/?${query}&uid=ann`)]).toEqual([query, 403]);
    expect([query, await statusOf(`${agent.url}${path}/?${query}&user=ann`)]).toEqual([query, 403]);
    expect([query, await statusOf(`${agent.url}/socket.io/?${query}&user=ann`)]).toEqual([query, 403]);
  }
  // A path that only begins so is a file's.
  expect(await statusOf(`${agent.url}${path}s/?user=ann`)).toBe(404);
});
