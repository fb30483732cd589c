import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { admin, readAdmin, readMetric } from '../../../../test/support/metrics.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

test('a push-server without admin settings has no such listener', async () => {
  const [server] = await startPushServers(1);
  expect(server?.adminUrl).toBeUndefined();
});

test('metrics tell of clients, rooms, messages, the store, refusals and kills, and name no user and no room', async () => {
  const [server] = await startPushServers(1, {
    ...admin,
    pushServer: { limits: { messagesPerSecond: 4, connectionsPerUid: 2, whenFull: 'replace' } },
  });
  const url = (server as PushServer).url;
  const ann = await connectClient(url, 'websocket', { query: { uid: 'ann-secret' } });
  const bob = await connectClient(url, 'polling', { query: { uid: 'bob-secret' } });
  await ann.emitWithAck('go:join', 'room-secret');
  await bob.emitWithAck('go:join', [{ room: 'room-secret', epoch: 'of another history', after: 7 }, 'another']);
  const heard = nextEvent(bob, 'chat');
  await ann.emitWithAck('go:publish', { room: 'room-secret', event: 'chat', message: 1 });
  await heard;
  await ann.emitWithAck('go:publish', { room: 'x', event: 'chat' });
  const first = nextEvent(ann, 'disconnect');
  await connectClient(url, 'websocket', { query: { uid: 'ann-secret' } });
  await connectClient(url, 'websocket', { query: { uid: 'ann-secret' } });
  await first;

  expect(await readMetric(server, 'clients{transport="websocket"}')).toBe(2);
  expect(await readMetric(server, 'clients{transport="polling"}')).toBe(1);
  expect(await readMetric(server, 'rooms')).toBe(2);
  expect(await readMetric(server, 'users')).toBe(2);
  expect(await readMetric(server, 'published_total')).toBe(1);
  expect(await readMetric(server, 'kept_total')).toBe(1);
  expect(await readMetric(server, 'not_kept_total')).toBe(0);
  expect(await readMetric(server, 'gaps_total')).toBe(0);
  expect(await readMetric(server, 'recoveries_total{result="miss"}')).toBe(1);
  expect(await readMetric(server, 'deliveries_total')).toBeGreaterThan(8);
  expect(await readMetric(server, 'send_queue_bytes')).toBeGreaterThanOrEqual(0);
  expect(await readMetric(server, 'refusals_total{code="publish_refused"}')).toBe(1);
  expect(await readMetric(server, 'kills_total{code="replaced"}')).toBe(1);
  expect(await readMetric(server, 'fanout_up')).toBe(1);
  expect(await readMetric(server, 'store_up')).toBe(1);
  expect(await readMetric(server, 'event_loop_delay_seconds')).toBeGreaterThanOrEqual(0);
  expect(await readMetric(server, 'store_call_duration_seconds_count{operation="history.append",result="ok"}')).toBe(1);

  const { text } = await readAdmin(server, '/metrics');
  expect(text).not.toContain('secret');
  for (const [, name, type] of text.matchAll(/^# TYPE (gopush_server_\S+) (\S+)$/gm)) {
    expect(name?.endsWith('_total')).toBe(type === 'counter');
  }
  const state = JSON.parse((await readAdmin(server, '/state')).text);
  expect(state).toMatchObject({ node: 'push-server-0', clients: { websocket: 2, polling: 1 }, rooms: 2, users: 2 });
  expect(Object.keys(state.sessions)).toEqual(['given', 'taken', 'failed', 'notStopped', 'unanswered']);
  expect(JSON.stringify(state)).not.toContain('secret');
});

test('the log level can be changed, and unknown paths are told of', async () => {
  const [server] = await startPushServers(1, admin);
  const put = await fetch(`${server?.adminUrl}/log-level`, { method: 'PUT', body: 'loud' });
  expect(put.status).toBe(400);
  expect((await readAdmin(server, '/livez')).text).toBe('ok\n');
  expect((await readAdmin(server, '/nothing')).status).toBe(404);
});

test('the lag of the embedded fan-out is that of each other push-server', async () => {
  const servers = await startPushServers(2, admin);
  await expect.poll(() => readMetric(servers[1], 'fanout_lag_seconds_count')).toBe(1);
});

test('readiness follows Redis, and what could not be kept is counted', async () => {
  const redis = await startRedis();
  const [server] = await startPushServers(1, { ...admin, redisAdapter: { port: redis.port } });
  expect(await readAdmin(server, '/readyz')).toEqual({ status: 200, text: 'ready\n' });
  await expect.poll(() => readMetric(server, 'fanout_lag_seconds_count')).toBe(1);
  await redis.kill();
  await expect.poll(async () => (await readAdmin(server, '/readyz')).status).toBe(503);
  await expect.poll(async () => (await readAdmin(server, '/readyz')).text).toContain('[-] fan-out: down');
  expect((await readAdmin(server, '/readyz')).text).toContain('[-] store: down');
  expect((await readAdmin(server, '/livez')).status).toBe(200);
  await server?.push.toRoom('a', 'chat', 1);
  expect(await readMetric(server, 'not_kept_total')).toBe(1);
  await redis.restart();
  await expect.poll(async () => (await readAdmin(server, '/readyz')).status, { timeout: 10_000 }).toBe(200);
});

test('what could not be handed over is counted, with the cause', async () => {
  const [server] = await startPushServers(1, admin);
  const url = server?.url as string;
  await connectClient(url, 'polling', { query: { uid: 'ann' } });
  await connectClient(url, 'websocket', { query: { uid: 'bob' } });
  await fetch(`${server?.adminUrl}/drain`, { method: 'PUT' });
  expect(await readMetric(server, 'sessions_not_given_total{cause="polling"}')).toBe(1);
  expect(await readMetric(server, 'sessions_not_given_total{cause="no agent"}')).toBe(1);
});

test('while a push-server stops it says that it is not ready', async () => {
  let letGo = (): void => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const [server] = await startPushServers(1, admin, { hooks: { onDisconnect: () => gone } });
  await connectClient(server?.url as string, 'websocket', { query: { uid: 'ann' } });
  const closed = server?.close();
  await expect.poll(() => server?.io.of('/').sockets.size).toBe(0);
  expect(await readAdmin(server, '/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('stopping') });
  letGo();
  await closed;
  await expect(readAdmin(server, '/readyz')).rejects.toThrow();
});
