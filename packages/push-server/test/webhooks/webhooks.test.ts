import { createHmac } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../../test/support/cli.ts';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { admin, readMetric } from '../../../../test/support/metrics.ts';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const secret = 'a secret of the receiver';

type Hook = NonNullable<ConfigInput['webhooks']>[number];

async function startWith(dir: string, hook: Hook, pushServer = {}, log = createMemoryLog()): Promise<PushServer> {
  const server = await startPushServer({
    config: {
      ...admin,
      serverPortStart: 0,
      webhooks: [hook],
      pushServer: { fanoutDir: join(dir, 'm'), storeDir: join(dir, 's'), drainMs: 300, graceMs: 0, ...pushServer },
    },
    dir,
    logger: log.logger,
  });
  onTestFinished(() => server.close());
  return server;
}

test('who comes and goes, and what is said, is told once for the cluster, signed', async () => {
  const receiver = await startReceiver();
  const dir = await makeFolder();
  const hook: Hook = {
    url: receiver.url,
    secret,
    events: ['connect', 'disconnect', 'room_occupied', 'room_empty', 'message'],
  };
  const one = await startWith(dir, hook);
  const two = await startWith(dir, hook);
  const ann = await connectClient(one.url, 'websocket', { query: { uid: 'ann' } });
  const first = await receiver.next();
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(first.headers['x-gopush-signature'])) ?? [];
  expect(createHmac('sha256', secret).update(`${time}.${first.body}`).digest('hex')).toBe(signature);
  expect(JSON.parse(first.body).id).toBe(first.headers['x-gopush-event-id']);
  expect(JSON.parse(first.body).events).toMatchObject([{ type: 'connect', uid: 'ann' }]);
  first.response.end();
  const device = await connectClient(two.url, 'websocket', { query: { uid: 'ann' } });
  await ann.emitWithAck('go:join', 'a');
  expect(await receiver.events(1)).toMatchObject([{ type: 'room_occupied', room: 'a', uid: 'ann' }]);
  await device.emitWithAck('go:join', 'a');
  await two.push.toRoom('a', 'chat', { n: 1 });
  expect(await receiver.events(1)).toMatchObject([
    { type: 'message', room: 'a', event: 'chat', message: { n: 1 }, position: { offset: 1 } },
  ]);
  await device.emitWithAck('go:leave', 'a');
  await ann.emitWithAck('go:leave', 'a');
  expect(await receiver.events(1)).toMatchObject([{ type: 'room_empty', room: 'a', uid: 'ann' }]);
  device.disconnect();
  ann.disconnect();
  expect(await receiver.events(1)).toMatchObject([{ type: 'disconnect', uid: 'ann' }]);
});

test('a receiver that fails, cuts and hangs gets the same again until it takes it, and clients do not wait for it', async () => {
  const receiver = await startReceiver();
  const server = await startWith(await makeFolder(), {
    url: receiver.url,
    secret,
    events: ['message'],
    timeoutMs: 200,
  });
  await server.push.toRoom('a', 'e', 1);
  const failing = await receiver.next();
  failing.response.writeHead(500).end();
  const cut = await receiver.next();
  cut.response.destroy();
  // Not answered at all.
  const hanging = await receiver.next();
  await server.push.toRoom('a', 'e', 2);
  const taken = await receiver.next();
  taken.response.end();
  expect([cut.body, hanging.body, taken.body]).toEqual([failing.body, failing.body, failing.body]);
  expect(taken.headers['x-gopush-event-id']).toBe(failing.headers['x-gopush-event-id']);
  expect(await receiver.events(1)).toMatchObject([{ message: 2 }]);
});

test('what nobody takes goes to the dead letters: the oldest of too many, what was tried often enough, what is left at a stop', async () => {
  const receiver = await startReceiver();
  const dir = await makeFolder();
  const log = createMemoryLog();
  const hook: Hook = { url: receiver.url, secret, events: ['message'], attempts: 2, queueCount: 2 };
  const server = await startWith(dir, hook, {}, log);
  await server.push.toRoom('a', 'e', 1);
  const first = await receiver.next();
  // While this one is under way two may wait.
  for (const n of [2, 3, 4]) await server.push.toRoom('a', 'e', n);
  first.response.writeHead(500).end();
  (await receiver.next()).response.writeHead(500).end();
  const stuck = await receiver.next();
  expect(JSON.parse(stuck.body).events.map(({ message }: { message: number }) => message)).toEqual([3, 4]);
  await server.close();
  const lines = (await readFile(join(dir, '.gopush/dead-letters.ndjson'), 'utf8')).trim().split('\n');
  expect((await stat(join(dir, '.gopush/dead-letters.ndjson'))).mode & 0o077).toBe(0);
  const letters = lines.map((line) => JSON.parse(line));
  expect(letters.map(({ reason, event }) => [reason, event.message])).toEqual([
    ['queue_full', 2],
    ['attempts_over', 1],
    ['stopping', 3],
    ['stopping', 4],
  ]);
  expect(log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.reason)).toEqual([
    'queue_full',
    'attempts_over',
    'stopping',
  ]);
  expect(JSON.stringify(log.lines)).not.toContain(secret);
});

test('at a stop what waits is sent', async () => {
  const receiver = await startReceiver();
  const server = await startWith(
    await makeFolder(),
    { url: receiver.url, secret, events: ['message'] },
    { drainMs: 5_000 },
  );
  await server.push.toRoom('a', 'e', 1);
  const first = await receiver.next();
  await server.push.toRoom('a', 'e', 2);
  const closed = server.close();
  first.response.end();
  expect(await receiver.events(1)).toMatchObject([{ message: 2 }]);
  await closed;
});

test('metrics tell how many events wait for webhooks, were delivered, are sent again, and were given up', async () => {
  const receiver = await startReceiver();
  const server = await startWith(await makeFolder(), {
    url: receiver.url,
    secret,
    events: ['message'],
    attempts: 2,
    queueCount: 2,
  });
  const counts = async () => ({
    waiting: await readMetric(server, 'webhook_waiting_events'),
    delivered: await readMetric(server, 'webhook_events_total{result="delivered"}'),
    retried: await readMetric(server, 'webhook_events_total{result="retried"}'),
    dead: await readMetric(server, 'webhook_events_total{result="dead"}'),
  });
  await server.push.toRoom('a', 'e', 1);
  const first = await receiver.next();
  // One is under way, two may wait.
  for (const n of [2, 3, 4]) await server.push.toRoom('a', 'e', n);
  expect(await counts()).toEqual({ waiting: 3, delivered: 0, retried: 0, dead: 1 });
  first.response.writeHead(500).end();
  const again = await receiver.next();
  expect(await counts()).toEqual({ waiting: 3, delivered: 0, retried: 1, dead: 1 });
  again.response.writeHead(500).end();
  const rest = await receiver.next();
  expect(await counts()).toEqual({ waiting: 2, delivered: 0, retried: 1, dead: 2 });
  rest.response.end();
  await expect.poll(counts).toEqual({ waiting: 0, delivered: 2, retried: 1, dead: 2 });
});
