import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request as openRequest } from 'node:http';
import { expect, test } from 'vitest';
import { apiConfig, keys } from '../support/api.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';

const offers = ['h2c', 'TLS/1.2', 'h2c, websocket'];

interface Asked {
  readonly method?: string;
  readonly offer?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** Asks with an offer of another protocol, as clients do that would rather speak HTTP/2. */
async function ask(
  url: string,
  { method = 'GET', offer = 'h2c', headers = {}, body }: Asked = {},
): Promise<{ status: number; body: string; message: IncomingMessage }> {
  const connection = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: offer, 'HTTP2-Settings': 'AAMAAABkAAQ' };
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const request = openRequest(url, { method, agent: false, headers: { ...connection, ...length, ...headers } });
  request.end(body);
  const [message] = (await once(request, 'response')) as [IncomingMessage];
  if (message.headers['content-type']?.startsWith('text/event-stream')) {
    const [first] = await once(message, 'data');
    request.destroy();
    return { status: message.statusCode ?? 0, body: String(first), message };
  }
  let text = '';
  for await (const chunk of message) text += chunk;
  return { status: message.statusCode ?? 0, body: text, message };
}

test.each(offers)('a push-server and its admin listener serve requests that offer %s', async (offer) => {
  const [server] = await startPushServers(1, { api: apiConfig, admin: { serverPort: 0 } });
  const { url = '', adminUrl = '' } = server ?? {};
  const headers = { Authorization: `Bearer ${keys.all}` };
  const body = JSON.stringify({ event: 'chat', message: 'x'.repeat(50_000) });
  const post = await ask(`${url}/api/v1/rooms/lobby/publish`, { method: 'POST', offer, headers, body });
  expect([post.status, post.body]).toEqual([200, expect.stringContaining('position')]);
  expect((await ask(`${url}/api/v1/rooms`, { offer })).status).toBe(401);
  expect((await ask(`${url}/api/v1/listen?room=lobby`, { offer, headers })).status).toBe(200);
  expect((await ask(`${url}/socket.io/?EIO=4&transport=polling&uid=ann`, { offer })).body).toMatch(/^0\{"sid"/);
  expect((await ask(`${url}/socket.io/socket.io.js`, { offer })).status).toBe(200);
  expect((await ask(`${url}/nothing`, { offer })).status).toBe(404);
  // The gate for pages stands before such requests, too.
  const page = await ask(`${url}/api/v1/rooms`, { offer, headers: { ...headers, Origin: 'https://evil.test' } });
  expect([page.status, page.body]).toEqual([403, expect.stringContaining('origin_refused')]);

  expect((await ask(`${adminUrl}/livez`, { offer })).body).toBe('ok\n');
  expect((await ask(`${adminUrl}/log-level`, { method: 'PUT', offer, body: 'info' })).status).not.toBe(404);
  // Nothing is upgraded there, not even to a WebSocket.
  expect((await ask(`${adminUrl}/livez`, { offer: 'websocket' })).body).toBe('ok\n');
});

test('a client that offers h2c listens and polls through an agent', async () => {
  const servers = await startPushServers(1, { api: apiConfig });
  const agent = await startTestAgent(
    { agent: believing, router: { default: targetsOf(servers) } },
    { admin: { agentPort: 0 } },
  );
  expect((await ask(`${agent.url}/api/v1/listen?user=ann`)).status).toBe(200);
  const polling = await ask(`${agent.url}/socket.io/?EIO=4&transport=polling&user=ann`);
  expect(polling.body).toMatch(/^0\{"sid"/);
  expect((await ask(`${agent.adminUrl}/readyz`)).body).toBe('ready\n');
});
