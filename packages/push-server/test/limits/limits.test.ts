import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { admin, readMetric } from '../../../../test/support/metrics.ts';
import { connectClient, nextEvent, openClient, type Transport } from '../../../../test/support/socket-io.ts';

/** As long as a busy machine may need. */
const patiently = { timeout: 50_000 } as const;

async function startWith(limits: NonNullable<ConfigInput['pushServer']>['limits'], count = 1) {
  const log = createMemoryLog();
  const servers = await startPushServers(count, { pushServer: { limits } }, { logger: log.logger });
  return { log, servers, server: servers[0] as PushServer };
}

const connect = (server: PushServer, uid: string, transport: Transport = 'websocket'): Promise<Socket> =>
  connectClient(server.url, transport, { query: { uid } });

/** A Socket.IO client without a library, which can stop reading. */
async function connectRaw(server: PushServer, uid: string) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=${uid}`);
  onTestFinished(() => socket.terminate());
  const heard: string[] = [];
  let told = (): void => {};
  socket.on('message', (data) => {
    const text = String(data);
    if (text === '2') socket.send('3');
    heard.push(text);
    told();
  });
  const hears = async (pattern: RegExp): Promise<void> => {
    while (!heard.some((text) => pattern.test(text))) await new Promise<void>((resolve) => (told = resolve));
  };
  await once(socket, 'open');
  socket.send('40');
  await hears(/go:welcome/);
  return { socket, heard, hears };
}

test('one that stops reading is closed with 4008, memory stays bounded, and hundreds of others miss nothing', async () => {
  const sendQueueBytes = 1_048_576;
  const { server, log } = await startWith({ sendQueueBytes });
  const slow = await connectRaw(server, 'slow');
  const fast: Socket[] = [];
  for (let batch = 0; batch < 6; batch++) {
    fast.push(...(await Promise.all(Array.from({ length: 50 }, (_, at) => connect(server, `u${batch}-${at}`)))));
  }
  slow.socket.send('421["go:join","hall"]');
  await slow.hears(/^431/);
  await Promise.all(fast.map((client) => client.emitWithAck('go:join', 'hall')));
  const messages = 20;
  const counts = fast.map(() => 0);
  const all = Promise.all(
    fast.map(
      (client, at) =>
        new Promise<void>((resolve) => {
          client.on('chunk', () => {
            counts[at] = (counts[at] ?? 0) + 1;
            if (counts[at] === messages) resolve();
          });
        }),
    ),
  );
  slow.socket.pause();
  const closed = log.next(/was disconnected/);
  // So much to the slow one alone that the network between cannot hold it.
  const filler = 'x'.repeat(262_144);
  let most = 0;
  for (let round = 0; round < 200 && server.io.engine.clientsCount > fast.length; round++) {
    await server.push.toUser('slow', 'filler', filler, {});
    most = Math.max(most, ...waitingFor(server));
  }
  expect((await closed).fields).toMatchObject({ code: 'send_queue_full' });
  expect(most).toBeLessThan(sendQueueBytes + 2 * filler.length);
  for (let message = 0; message < messages; message++) await server.push.toRoom('hall', 'chunk', message);
  await all;
  expect(fast.every((client) => client.connected)).toBe(true);

  const over = once(slow.socket, 'close');
  slow.socket.resume();
  const [code, reason] = await over;
  expect([code, String(reason)]).toEqual([4008, 'send_queue_full']);
});

/** What WebSockets of a server hold back now, in bytes. */
function waitingFor(server: PushServer): number[] {
  return [...server.io.of('/').sockets.values()].map(
    ({ conn }) => (conn.transport as unknown as { socket: WebSocket }).socket.bufferedAmount,
  );
}

test('volatile messages leave out who is behind, and reach it again when it has caught up', async () => {
  const { server } = await startWith({ sendQueueBytes: 16_777_216 });
  const [slow, ann, bob] = [
    await connectRaw(server, 'slow'),
    await connect(server, 'ann'),
    await connect(server, 'bob'),
  ];
  slow.socket.send('421["go:join","hall"]');
  await slow.hears(/^431/);
  for (const client of [ann, bob]) await client.emitWithAck('go:join', 'hall');
  const say = async (event: string): Promise<void> => {
    const heard = nextEvent(bob, event);
    await ann.emitWithAck('go:publish', { room: 'hall', event, message: 1, volatile: true });
    await heard;
  };
  await say('before');
  slow.socket.pause();
  const isSlow = (): boolean => server.io.of('/').adapter.rooms.has('s:slow');
  const filler = 'x'.repeat(1_048_576);
  for (let round = 0; round < 30 && !isSlow(); round++) await server.push.toUser('slow', 'filler', filler);
  expect(isSlow()).toBe(true);
  await say('meanwhile');
  slow.socket.resume();
  await expect.poll(isSlow).toBe(false);
  await say('after');
  await slow.hears(/"after"/);
  expect(slow.heard.some((text) => text.includes('"before"'))).toBe(true);
  expect(slow.heard.some((text) => text.includes('"meanwhile"'))).toBe(false);
});

test('a client that polls and stops doing so is sent away, too', async () => {
  const { server, log } = await startWith({ sendQueueBytes: 65_536 });
  const base = `${server.url}/socket.io/?EIO=4&transport=polling&uid=ann`;
  const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
  await fetch(`${base}&sid=${sid}`, { method: 'POST', body: '40' });
  await expect.poll(() => server.io.of('/').sockets.size).toBe(1);
  const closed = log.next(/was disconnected/);
  for (let round = 0; round < 3; round++) await server.push.toUser('ann', 'filler', 'x'.repeat(40_000));
  expect((await closed).fields).toMatchObject({ code: 'send_queue_full' });
  const answer = await fetch(`${base}&sid=${sid}`);
  expect(answer.status).toBe(400);
});

test('messages beyond the rate are refused in the ack, and one that goes on is closed with 4029', async () => {
  const { server } = await startWith({ messagesPerSecond: 5 });
  const ann = await connect(server, 'ann');
  const answers = await Promise.all(Array.from({ length: 12 }, () => ann.emitWithAck('go:leave', 'x')));
  const refused = answers.filter(({ ok }) => !ok);
  expect(refused.length).toBeGreaterThanOrEqual(6);
  expect(refused[0]).toMatchObject({ error: { code: 'too_many_requests' } });
  expect(ann.connected).toBe(true);

  const eve = await connectRaw(server, 'eve');
  const over = once(eve.socket, 'close');
  for (let message = 0; message < 40; message++) eve.socket.send('42["go:leave","x"]');
  const [code, reason] = await over;
  expect([code, String(reason)]).toEqual([4029, 'too_many_requests']);
  expect(eve.heard.at(-1)).toContain('go:closing');
});

test('what the hook would be asked is limited as well', async () => {
  let asked = 0;
  const [server] = await startPushServers(
    1,
    { pushServer: { limits: { messagesPerSecond: 3 } } },
    { hooks: { onMessage: () => ++asked } },
  );
  const ann = await connect(server as PushServer, 'ann');
  const answers: unknown[] = await Promise.all(Array.from({ length: 8 }, () => ann.emitWithAck('add')));
  expect(answers.filter((answer) => typeof answer === 'number').length).toBe(asked);
  expect(answers).toContainEqual(expect.objectContaining({ ok: false }));
});

test('a client enters as many rooms as it may, and none of a list that is too long', async () => {
  const { server } = await startWith({ roomsPerSocket: 2 });
  const ann = await connect(server, 'ann');
  expect(await ann.emitWithAck('go:join', ['a', 'b'])).toMatchObject({ ok: true });
  expect(await ann.emitWithAck('go:join', ['a', 'c'])).toMatchObject({ error: { code: 'too_many_rooms' } });
  expect(await ann.emitWithAck('room', { room: 'c' })).toMatchObject({ error: { code: 'too_many_rooms' } });
  expect(await ann.emitWithAck('go:leave', 'a')).toEqual({ ok: true, rooms: ['a'], count: 1 });
  expect(await ann.emitWithAck('go:join', ['b', 'c', 'c'])).toMatchObject({ ok: true, rooms: ['b', 'c'] });
});

test('a uid has so many connections on all push-servers; one that ended makes room at once', async () => {
  const { servers } = await startWith({ connectionsPerUid: 2 }, 2);
  const [one, two] = servers as [PushServer, PushServer];
  const first = await connect(one, 'ann');
  await connect(two, 'ann');
  await expect(connect(one, 'ann')).rejects.toMatchObject({ data: { code: 'too_many_connections_uid' } });
  await connect(one, 'bob');
  first.disconnect();
  await expect.poll(() => one.io.of('/').sockets.size).toBe(1);
  await connect(two, 'ann');
  await expect(connect(one, 'ann')).rejects.toMatchObject({ data: { code: 'too_many_connections_uid' } });
});

test('of many that come at once as many stay as may', async () => {
  const { server } = await startWith({ connectionsPerUid: 3 });
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => connect(server, 'ann')));
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(3);
});

test('where new ones replace, the oldest is told, closed with 4009 and does not come back, on whichever push-server', async () => {
  const { servers } = await startWith({ connectionsPerUid: 1, whenFull: 'replace' }, 2);
  const [one, two] = servers as [PushServer, PushServer];
  const raw = await connectRaw(one, 'ann');
  const over = once(raw.socket, 'close');
  const library = await connect(two, 'ann');
  const [code, reason] = await over;
  expect([code, String(reason)]).toEqual([4009, 'replaced']);
  expect(raw.heard.some((text) => text.includes('go:closing') && text.includes('replaced'))).toBe(true);

  const gone = nextEvent(library, 'disconnect');
  const last = await connect(two, 'ann');
  expect(await gone).toBe('io server disconnect');
  expect(last.connected).toBe(true);
});

test('a push-server that is full refuses handshakes with 503, not those it has', async () => {
  const { server } = await startWith({ connections: 1 });
  const ann = await connect(server, 'ann', 'polling');
  const answer = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling&uid=bob`);
  expect([answer.status, answer.headers.get('x-gopush-error')]).toEqual([503, 'too_many_connections']);
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=bob`);
  const [, response] = await once(socket, 'unexpected-response');
  expect([response.statusCode, response.headers['x-gopush-error']]).toEqual([503, 'too_many_connections']);
  response.destroy();
  expect(await ann.emitWithAck('go:join', 'a')).toMatchObject({ ok: true });
  ann.disconnect();
  await expect.poll(() => server.io.engine.clientsCount).toBe(0);
  const bob = openClient(server.url, 'websocket', { query: { uid: 'bob' } });
  await nextEvent(bob, 'connect');
});

test('a push-server whose sessions begin ever later refuses a share of new ones, none that it has, and recovers', async () => {
  let line = Promise.resolve();
  const onConnect = async (): Promise<boolean> => {
    line = line.then(() => delay(10));
    await line;
    return true;
  };
  const config: ConfigInput = { ...admin, pushServer: { limits: { beginDelayMs: 50 } } };
  const [server] = await startPushServers(1, config, { hooks: { onConnect } });
  if (server === undefined) throw new Error('no server');
  const ann = await connect(server, 'ann', 'polling');
  const refused: string[] = [];
  let begun = 0;
  // A storm that continued regardless would be worked off long after its end, on a busy machine.
  const waiting = new Set<WebSocket>();
  const begin = (uid: string): void => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&uid=${uid}`);
    waiting.add(socket);
    onTestFinished(() => socket.terminate());
    socket.on('open', () => socket.send('40'));
    socket.on('message', (data) => {
      if (String(data).startsWith('40') && waiting.delete(socket)) begun++;
    });
    socket.on('close', () => waiting.delete(socket));
    socket.on('unexpected-response', (_, { statusCode, headers }) => {
      refused.push(`${statusCode} ${headers['x-gopush-error']} ${headers['retry-after']}`);
      socket.terminate();
    });
    socket.on('error', () => {});
  };
  let sent = 0;
  const storm = setInterval(() => {
    for (let count = 0; count < 8 && waiting.size < 200; count++) begin(`u${sent++}`);
  }, 20);
  onTestFinished(() => clearInterval(storm));
  await expect.poll(() => refused.length, patiently).toBeGreaterThan(50);
  const before = begun;
  expect(await ann.emitWithAck('go:leave', 'never')).toMatchObject({ ok: true });
  await expect.poll(() => begun, patiently).toBeGreaterThan(before + 10);
  clearInterval(storm);
  for (const answer of refused) expect(answer).toMatch(/^503 overloaded [1-8]$/);
  expect(new Set(refused).size).toBeGreaterThan(1);
  const isTaken = () =>
    connect(server, 'bob').then(
      () => true,
      () => false,
    );
  await expect.poll(isTaken, { interval: 50, ...patiently }).toBe(true);
  expect(await readMetric(server, 'refusals_total{code="overloaded"}')).toBeGreaterThanOrEqual(refused.length);
}, 180_000);

/** Has many handshakes made at once. They get their places, or are refused; nothing else. */
async function fillPlaces(handshakes: () => Promise<string[]>): Promise<void> {
  const began = performance.now();
  const answers = new Set(await handshakes());
  // A place that waits for its client is lost after a second: on a busy machine there may always be one.
  if (performance.now() - began > 1_000) answers.add('429 too_many_requests');
  expect(answers).toEqual(new Set(['200', '429 too_many_requests']));
}

test('handshakes of one user with which its client does not go on keep nobody else out', async () => {
  const { server } = await startWith({ beginDelayMs: 60_000 });
  const handshake = async (): Promise<string> => {
    const response = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling&uid=eve`);
    await response.text();
    return `${response.status} ${response.headers.get('x-gopush-error') ?? ''}`.trim();
  };
  await fillPlaces(() => Promise.all(Array.from({ length: 200 }, handshake)));
  await connect(server, 'ann');
  await connect(server, 'bob', 'polling');
});

test.each([
  ['by itself', (client: string) => ({ localAddress: client, headers: {} })],
  [
    'behind an agent',
    (client: string) => ({ headers: { 'x-gopush-agent': 'agent-1', 'x-forwarded-for': `192.0.2.7, ${client}` } }),
  ],
])('handshakes of many users of one address, %s, keep no other address out', async (_, from) => {
  const { server } = await startWith({ beginDelayMs: 60_000 });
  const handshake = async (uid: string, client: string): Promise<string> => {
    const path = `/socket.io/?EIO=4&transport=polling&uid=${uid}`;
    const sent = request({ port: server.port, path, ...from(client) });
    const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
    response.resume();
    return `${response.statusCode} ${response.headers['x-gopush-error'] ?? ''}`.trim();
  };
  const ofMany = (name: string, count: number, client: string): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, (_, at) => handshake(`${name}${at}`, client)));
  // There are 128 places. That they are taken does not mean that the push-server is overloaded, of which agents would take account for all clients.
  await fillPlaces(() => ofMany('eve', 300, '127.0.0.2'));
  expect(new Set(await ofMany('ann', 60, '127.0.0.3'))).toEqual(new Set(['200']));
});

test('no session is opened for a client that gave up before its handshake was read', async () => {
  const { server } = await startWith({ beginDelayMs: 1_000 });
  let opened = 0;
  server.io.engine.on('connection', () => void opened++);
  const path = '/socket.io/?EIO=4&transport=websocket&uid=ann';
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: a',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const left = connectTcp(server.port, '127.0.0.1', () => left.end(`${lines.join('\r\n')}\r\n\r\n`));
  left.resume();
  await once(left, 'close');
  expect(opened).toBe(0);
  // The place is free again, and those that stay are served.
  await connect(server, 'ann', 'websocket');
  expect(opened).toBe(1);
});
