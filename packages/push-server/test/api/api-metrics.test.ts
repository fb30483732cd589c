import { once } from 'node:events';
import { connect } from 'node:net';
import type { PushServer, PushServerOptions } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { call, keys, startApis } from '../../../../test/support/api.ts';
import { admin, readAdmin, readMetric } from '../../../../test/support/metrics.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';

async function startApi(options: Pick<PushServerOptions, 'hooks'> = {}): Promise<PushServer> {
  const [server] = await startApis(1, admin, options);
  if (server === undefined) throw new Error('no server');
  return server;
}

/** Listens by Server-Sent Events until the test ends, or by itself. */
async function listenSse(url: string, headers: Record<string, string>) {
  const left = new AbortController();
  onTestFinished(() => left.abort());
  const { body } = await fetch(`${url}/api/v1/listen?room=room-secret`, { headers, signal: left.signal });
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain('event: ready');
  return {
    leave: () => left.abort(),
    async ended() {
      while (!(await reader.read()).done);
    },
  };
}

test('requests of the API are counted by route and status, and timed; no name and no key is a label', async () => {
  const server = await startApi();
  const publish = 'POST /rooms/room-secret%2Fb/publish';
  await call(server, publish, { event: 'e' });
  await call(server, publish, { event: 'e' });
  await call(server, publish, { event: 1 });
  await call(server, 'GET /users/ann-secret/presence');
  await call(server, 'PUT /users/ann-secret/rooms/a');
  await call(server, 'DELETE /users/ann-secret/rooms/a');
  await call(server, 'GET /openapi.json');
  await call(server, 'GET /rooms', undefined, { key: null });
  await call(server, 'GET /rooms', undefined, { key: 'a secret that nobody knows' });
  await call(server, 'GET /path-secret');
  const route = 'POST /rooms/{room}/publish';
  expect(await readMetric(server, `api_requests_total{route="${route}",status="200"}`)).toBe(2);
  expect(await readMetric(server, `api_requests_total{route="${route}",status="400"}`)).toBe(1);
  expect(await readMetric(server, `api_request_duration_seconds_count{route="${route}"}`)).toBe(3);
  expect(await readMetric(server, `api_request_duration_seconds_sum{route="${route}"}`)).toBeGreaterThan(0);
  for (const [other, status, count] of [
    ['GET /users/{uid}/presence', 200, 1],
    ['PUT /users/{uid}/rooms/{room}', 200, 1],
    ['DELETE /users/{uid}/rooms/{room}', 200, 1],
    ['GET /openapi.json', 200, 1],
    ['none', 401, 2],
    ['none', 404, 1],
  ]) {
    expect(await readMetric(server, `api_requests_total{route="${other}",status="${status}"}`)).toBe(count);
  }
  const { text } = await readAdmin(server, '/metrics');
  expect(text).not.toContain('secret');
  for (const key of Object.values(keys)) expect(text).not.toContain(key);
});

test('a client that is gone before its answer is counted as such', async () => {
  const server = await startApi();
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    `POST /api/v1/notify HTTP/1.1\r\nhost: a\r\nx-api-key: ${keys.all}\r\ncontent-length: 100\r\n\r\n{`,
    () => socket.destroy(),
  );
  await expect.poll(() => readMetric(server, 'api_requests_total{route="POST /notify",status="499"}')).toBe(1);
});

test('listeners are counted by kind while they are there, and by code when they are over', async () => {
  let letGo = (): void => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  onTestFinished(() => letGo());
  const server = await startApi({ hooks: { onDisconnect: ({ uid }) => (uid === 'bob' ? gone : undefined) } });
  const url = `${server.url.replace('http', 'ws')}/api/v1/listen?room=room-secret`;
  const byKey = await listenSse(server.url, { 'x-api-key': keys.read });
  const ann = await listenSse(server.url, { 'x-gopush-uid': 'ann-secret' });
  const socket = new WebSocket(url, { headers: { 'x-api-key': keys.read } });
  onTestFinished(() => socket.terminate());
  await once(socket, 'message');
  const refused = new WebSocket(url);
  refused.on('error', () => {});
  await once(refused, 'unexpected-response');
  refused.terminate();
  await call(server, 'GET /listen', undefined, { key: keys.read });

  expect(await readMetric(server, 'listeners{kind="sse"}')).toBe(2);
  expect(await readMetric(server, 'listeners{kind="websocket"}')).toBe(1);
  for (const [status, count] of [
    [200, 2],
    [101, 1],
    [401, 1],
    [400, 1],
  ]) {
    expect(await readMetric(server, `api_requests_total{route="GET /listen",status="${status}"}`)).toBe(count);
  }
  expect(await readMetric(server, 'api_request_duration_seconds_count{route="GET /listen"}')).toBe(5);

  await call(server, 'POST /users/ann-secret/disconnect');
  await ann.ended();
  await expect.poll(() => readMetric(server, 'listeners_ended_total{code="disconnected"}')).toBe(1);
  byKey.leave();
  await expect.poll(() => readMetric(server, 'listeners_ended_total{code="client_gone"}')).toBe(1);
  expect(await readMetric(server, 'listeners{kind="sse"}')).toBe(0);
  expect((await readAdmin(server, '/metrics')).text).not.toContain('secret');
  // While the hook is waited for the metrics can still be read.
  await connectClient(server.url, 'websocket', { query: { uid: 'bob' } });
  const closed = server.close();
  await once(socket, 'close');
  await expect.poll(() => readMetric(server, 'listeners_ended_total{code="stopping"}')).toBe(1);
  expect(await readMetric(server, 'listeners{kind="websocket"}')).toBe(0);
  letGo();
  await closed;
});
