import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import type { Logger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { apiConfig } from '../support/api.ts';
import { believing, startPushServers, startTestAgent, targetsOf } from '../support/gateway.ts';
import { connectClient, nextEvent, openClient } from '../support/socket-io.ts';

const secret = '0123456789abcdef';

async function start(access: ConfigInput['access'] = {}): Promise<{ server: PushServer; warnings: string[] }> {
  const warnings: string[] = [];
  const nothing = (): void => {};
  const logger: Logger = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (...args: unknown[]) => void warnings.push(String(args.at(-1))),
  };
  const [server] = await startPushServers(1, { api: apiConfig, access: { secrets: [secret], ...access } }, { logger });
  return { server: server as PushServer, warnings };
}

/** An agent in front of some targets, of products by their names. */
function startAgent(router: object): ReturnType<typeof startTestAgent> {
  return startTestAgent({ agent: believing, router: router as never }, { access: { secrets: [secret] } });
}

/** A target that keeps the headers of what it is asked. */
async function startThief(): Promise<{ port: number; stolen: IncomingHttpHeaders[] }> {
  const stolen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    stolen.push(request.headers);
    response.end();
  });
  server.on('upgrade', (request, socket) => {
    stolen.push(request.headers);
    socket.end('HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, stolen };
}

function ours(headers: IncomingHttpHeaders = {}): Record<string, string> {
  const names = Object.entries(headers).filter(([name]) => /^(x-gopush-|sec-gopush-|x-request-id)/.test(name));
  return Object.fromEntries(names) as Record<string, string>;
}

/** What becomes of a client that connects to a push-server with these headers. */
async function connectWith(server: PushServer, headers: Record<string, string>): Promise<string> {
  const client = openClient(server.url, 'websocket', { extraHeaders: headers });
  return Promise.race([
    nextEvent<{ uid: string }>(client, 'go:welcome').then(({ uid }) => uid),
    nextEvent<Error & { data: { code: string } }>(client, 'connect_error').then(({ data }) => data.code),
  ]);
}

test('what a target is given it cannot use at a push-server in the name of a client', async () => {
  const { server, warnings } = await start();
  const thief = await startThief();
  const agent = await startAgent({ game: { ip: '127.0.0.1', port: thief.port }, default: targetsOf([server]) });
  await fetch(`${agent.url}/?product=game&user=ann`);
  const socket = new WebSocket(`${agent.url.replace('http', 'ws')}/?product=game&user=ann`).on('error', () => {});
  await once(socket, 'unexpected-response');
  expect(thief.stolen).toHaveLength(2);
  for (const headers of thief.stolen.map(ours)) {
    expect(headers['x-gopush-signature']).toMatch(
      new RegExp(`^v2\\.\\d+\\.[\\w-]{43}\\.127\\.0\\.0\\.1:${thief.port}$`),
    );
    expect(await connectWith(server, headers)).toBe('identity_unsigned');
    const asDefault = { ...headers, 'x-gopush-product': 'default' };
    expect(await connectWith(server, asDefault)).toBe('identity_unsigned');
    const signature = (headers['x-gopush-signature'] ?? '').replace(/\.127.*$/, '.push-server');
    expect(await connectWith(server, { ...headers, 'x-gopush-signature': signature })).toBe('identity_unsigned');
    expect((await fetch(`${server.url}/api/v1/listen`, { headers })).status).toBe(403);
  }
  expect(warnings[0]).toMatch(
    /^an identity signed for 127\.0\.0\.1:\d+ is used at 127\.0\.0\.1:\d+: either a target replays it/,
  );
});

test('a push-server is known by its address, as localhost, by its settings, and as one that gopush runs', async () => {
  const { server } = await start({ audiences: ['push.test:4000'] });
  const { port } = server;
  const routers = [targetsOf([server]), [{ ip: 'localhost', ports: [port] }]];
  for (const targets of routers) {
    const agent = await startAgent({ default: targets });
    expect((await connectClient(agent.url, 'upgrade', { query: { user: 'ann' } })).connected).toBe(true);
  }
  const signed = (audience: string): Record<string, string> => {
    const headers = {
      'x-gopush-uid': 'ann',
      'x-gopush-product': 'default',
      'x-gopush-agent': 'a',
      'x-request-id': '1',
    };
    const text = ['v2', '99999999999', audience, ...Object.values(headers)].join('\n');
    const mac = createHmac('sha256', secret).update(text).digest('base64url');
    return { ...headers, 'x-gopush-signature': `v2.99999999999.${mac}.${audience}` };
  };
  for (const [audience, outcome] of [
    ['push-server', 'ann'],
    ['push.test:4000', 'ann'],
    [`127.0.0.1:${port}`, 'ann'],
    [`127.0.0.1:${port + 1}`, 'identity_unsigned'],
    [`127.0.0.2:${port}`, 'identity_unsigned'],
    [`push.test:${port}`, 'identity_unsigned'],
    ['push-server-0', 'identity_unsigned'],
  ] as const) {
    expect([audience, await connectWith(server, signed(audience))]).toEqual([audience, outcome]);
  }
});

test('signatures without an audience are believed only while agents are updated', async () => {
  const headers = { 'x-gopush-uid': 'ann', 'x-gopush-product': 'default', 'x-gopush-agent': 'a', 'x-request-id': '1' };
  const mac = createHmac('sha256', secret)
    .update(['v1', '99999999999', ...Object.values(headers)].join('\n'))
    .digest('base64url');
  const old = { ...headers, 'x-gopush-signature': `v1.99999999999.${mac}` };
  const { server, warnings } = await start();
  expect(await connectWith(server, old)).toBe('identity_unsigned');
  expect(warnings[0]).toMatch(/is signed without an audience.*access\.oldSignatures/);
  const { server: patient } = await start({ oldSignatures: true });
  expect(await connectWith(patient, old)).toBe('ann');
  expect(await connectWith(patient, { ...old, 'x-gopush-uid': 'bob' })).toBe('identity_unsigned');
  expect(await connectWith(patient, { ...old, 'x-gopush-signature': `${old['x-gopush-signature']}.push-server` })).toBe(
    'identity_unsigned',
  );
});

test('a connection outlives the signature that it began with, and a namespace may be entered again', async () => {
  const { server } = await start();
  const agent = await startTestAgent(
    { agent: believing, router: { default: targetsOf([server]) } },
    { access: { secrets: [secret], identityTtlMs: 1_000 } },
  );
  const socket = new WebSocket(`${agent.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&user=ann`);
  onTestFinished(() => socket.terminate());
  const heard: string[] = [];
  socket.on('message', (message) => heard.push(String(message)));
  const answers = (): string[] =>
    heard.filter((message) => /^4[04]/.test(message)).map((message) => message.slice(0, 2));
  await expect.poll(() => heard.length).toBe(1);
  // Expiries are in whole seconds.
  await delay(2_100);
  socket.send('40');
  await expect.poll(answers).toEqual(['40']);
  socket.send('41');
  await delay(300);
  socket.send('40');
  await expect.poll(answers).toEqual(['40', '40']);
});
