import { connect } from 'node:net';
import { startAgent } from '@gopush/agent';
import type { ConfigInput } from '@gopush/contract';
import { startPushServer } from '@gopush/push-server';
import { silentLogger } from '@gopush/service';
import { expect, onTestFinished, test } from 'vitest';
import { connectClient } from '../support/socket-io.ts';

const limits = { eventLoopDelayMs: 0, headers: 5_000 };

async function startBoth(config: ConfigInput = {}) {
  const server = await startPushServer({
    config: { serverPortStart: 0, admin: { serverPort: 0 }, ...config },
    logger: silentLogger,
  });
  onTestFinished(() => server.close());
  const agent = await startAgent({
    config: { agentPort: 0, limits, ...config },
    hooks: { agent: () => 'ann', router: { default: { ip: '127.0.0.1', ports: [server.port] } } },
    logger: silentLogger,
  });
  onTestFinished(() => agent.close());
  return { server, agent };
}

/** Sends a GET as these bytes, and resolves with the head of the response. */
function get(port: number, path: string, headers: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let text = '';
    socket.on('error', reject).on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('\r\n\r\n')) resolve(text);
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  });
}

const cookieOf = (bytes: number): string => `Cookie: a=${'x'.repeat(bytes)}\r\n`;

test.each([
  ['as large as agents take by default', undefined, 16_000],
  ['of 40 kB, where agents take 48 kB', 49_152, 40_000],
])('headers %s reach push-servers: HTTP, the API, listeners and Socket.IO', async (_name, maxHeaderBytes, bytes) => {
  const { agent, server } = await startBoth(maxHeaderBytes === undefined ? {} : { agent: { maxHeaderBytes } });
  const cookie = cookieOf(bytes);
  for (const path of ['/', '/socket.io/?EIO=4&transport=polling', '/api/v1/listen?room=lobby', '/api/v1/rooms']) {
    expect([path, (await get(agent.port, path, cookie)).slice(9, 12)]).not.toEqual([path, '431']);
  }
  expect(await get(agent.port, '/socket.io/?EIO=4&transport=polling', cookie)).toMatch(/^HTTP\/1\.1 200 /);
  const client = await connectClient(agent.url, 'websocket', { extraHeaders: { cookie: cookie.slice(8, -2) } });
  expect(client.connected).toBe(true);
  for (const url of [agent.adminUrl, server.adminUrl]) {
    if (url === undefined) continue;
    expect(await get(Number(new URL(url).port), '/livez', cookie)).toMatch(/^HTTP\/1\.1 200 /);
  }
});

test('a request with more headers than Node counts still says who it is from', async () => {
  const { agent } = await startBoth({ agent: { maxHeaderBytes: 200_000 } });
  const many = Array.from({ length: 3_000 }, (_, index) => `x-${index}: 1\r\n`).join('');
  expect(await get(agent.port, '/socket.io/?EIO=4&transport=polling', many)).toMatch(/^HTTP\/1\.1 200 /);
});

test('push-servers keep idle connections for pushServer.keepAliveMs, longer than agents do', async () => {
  const { server } = await startBoth();
  expect(await get(server.port, '/', '')).toMatch(/\r\nKeep-Alive: timeout=75\r\n/);
  const short = await startBoth({ pushServer: { keepAliveMs: 3_000, requestsPerConnection: 1 } });
  expect(await get(short.server.port, '/', '')).toMatch(/\r\nConnection: close\r\n/);
  expect(await get(Number(new URL(short.server.adminUrl ?? '').port), '/livez', '')).toMatch(
    /Keep-Alive: timeout=3\r\n/,
  );
});

test('headers that do not come within pushServer.headerTimeoutMs end their connection', async () => {
  const { server } = await startBoth({ pushServer: { headerTimeoutMs: 200 } });
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
});
