import { once } from 'node:events';
import { signIdentity } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { startPushServer } from '@gopush/push-server';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { apiConfig, call, keys, refusal, startApis } from '../support/api.ts';
import { makeFolder } from '../support/cli.ts';
import { startTestAgent, targetsOf } from '../support/gateway.ts';
import { type Heard, listenerKinds as kinds, listenSse, listenWs } from '../support/listeners.ts';

test.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  'over %s rooms and users are heard, from any push-server',
  async (kind) => {
    const [one, two] = await startApis(2);
    if (one === undefined || two === undefined) throw new Error('no servers');
    const listener = await kinds[kind](two, 'room=a&room=b&user=ann');
    expect(await listener.next()).toMatchObject({ type: 'ready', data: { rooms: ['a', 'b'], users: ['ann'] } });
    await call(one, 'POST /rooms/a/publish', { event: 'e', message: { n: 1 } });
    expect(await listener.next()).toMatchObject({
      type: 'message',
      data: { room: 'a', event: 'e', message: { n: 1 }, position: { offset: 1 } },
    });
    await call(one, 'POST /rooms/other/publish', { event: 'e' });
    expect((await call(one, 'POST /users/ann/publish', { event: 'news', message: 2 })).body).toMatchObject({
      devices: 1,
    });
    expect(await listener.next()).toMatchObject({ data: { user: 'ann', event: 'news', message: 2 } });
    await call(one, 'POST /rooms/b/publish', { event: 'live', keep: 'no' });
    expect(await listener.next()).toMatchObject({ data: { room: 'b', event: 'live', position: null } });
    await call(one, 'POST /users/bob/publish', { event: 'for bob' });
    // Bytes come as text.
    void two.push.toRoom('a', 'bytes', Buffer.from('hi'));
    expect((await listener.next()).data.message).toEqual({ base64: Buffer.from('hi').toString('base64') });
    listener.close();
    await listener.ended;
  },
);

test.each(Object.keys(kinds) as (keyof typeof kinds)[])(
  'over %s who comes back to another push-server gets what was missed, once and in order',
  async (kind) => {
    const [one, two] = await startApis(2);
    if (one === undefined || two === undefined) throw new Error('no servers');
    const say = (room: string, n: number) => call(one, `POST /rooms/${room}/publish`, { event: 'e', message: n });
    await say('a', 0);
    const before = await kinds[kind](one, 'room=a&room=b');
    const ready = await before.next();
    await say('a', 1);
    const { id } = await before.next();
    expect(ready.id).not.toBe(id);
    before.close();
    await before.ended;
    for (const n of [2, 3]) await say('a', n);
    // In a room that had no history then, all messages were missed.
    for (const n of [10, 11]) await say('b', n);
    const headers = { 'x-api-key': keys.read, 'last-event-id': id };
    // In another order, and with one more.
    const after = await kinds[kind](two, 'room=b&room=a&room=c', headers);
    const heard: Heard[] = [];
    for (let one = await after.next(); one.type !== 'ready'; one = await after.next()) heard.push(one);
    expect(heard.map(({ data }) => [data.room, data.message])).toEqual([
      ['b', 10],
      ['b', 11],
      ['a', 2],
      ['a', 3],
    ]);
    await say('a', 4);
    expect((await after.next()).data.message).toBe(4);
    // The id of any event is good to continue from.
    const third = await kinds[kind](one, `room=b&room=a&lastEventId=${heard[1]?.id}`);
    expect((await third.next()).data).toMatchObject({ room: 'a', message: 2 });
  },
);

test('after a restart of the push-server a listener goes on, and is told where it cannot', async () => {
  const dir = await makeFolder();
  const start = () =>
    startPushServer({
      config: {
        serverPortStart: 0,
        api: apiConfig,
        pushServer: { fanoutDir: `${dir}/mesh`, storeDir: `${dir}/store`, drainMs: 500, history: { count: 3 } },
      },
    });
  const first = await start();
  const listener = await listenSse(first, 'room=a');
  await listener.next();
  await call(first, 'POST /rooms/a/publish', { event: 'e', message: 1 });
  const { id } = await listener.next();
  await first.close();
  expect((await listener.ended).text).toMatch(/\nretry: \d+\nevent: end\ndata: \{"code":"stopping"\}\n\n$/);
  const second = await start();
  onTestFinished(() => second.close());
  const headers = { 'x-api-key': keys.read, 'last-event-id': id };
  for (const n of [2, 3]) await call(second, 'POST /rooms/a/publish', { event: 'e', message: n });
  const back = await listenSse(second, 'room=a', headers);
  expect([(await back.next()).data.message, (await back.next()).data.message]).toEqual([2, 3]);
  expect((await back.next()).type).toBe('ready');
  for (const n of [4, 5, 6]) await call(second, 'POST /rooms/a/publish', { event: 'e', message: n });
  const late = await listenSse(second, 'room=a', headers);
  const gap = await late.next();
  expect(gap).toMatchObject({ type: 'gap', data: { room: 'a', position: { offset: 6 } } });
  expect((await late.next()).type).toBe('ready');
  await call(second, 'POST /rooms/a/publish', { event: 'e', message: 7 });
  expect((await late.next()).data.message).toBe(7);
  // The id of the gap is one to continue from.
  const again = await listenSse(second, 'room=a', { 'x-api-key': keys.read, 'last-event-id': gap.id });
  expect((await again.next()).data.message).toBe(7);
  const unreadable = await listenSse(second, 'room=a', { 'x-api-key': keys.read, 'last-event-id': 'who knows?' });
  expect((await unreadable.next()).type).toBe('gap');
});

test('at a stop WebSockets are told that the server restarts', async () => {
  const [server] = await startApis(1);
  if (server === undefined) throw new Error('no server');
  const listener = await listenWs(server, 'room=a');
  await listener.next();
  await server.close();
  expect(await listener.ended).toEqual({ code: 1012, text: 'stopping' });
});

test('one that does not take what is said is ended, and the others go on', async () => {
  const [server] = await startApis(1);
  if (server === undefined) throw new Error('no server');
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/listen?room=a`, {
    headers: { 'x-api-key': keys.read },
  });
  onTestFinished(() => socket.terminate());
  await once(socket, 'message');
  socket.pause();
  const other = await listenSse(server, 'room=b');
  await other.next();
  const message = 'x'.repeat(1_000_000);
  for (let n = 0; n < 30; n++) await server.push.toRoom('a', 'e', message, { keep: 'no' });
  const closed = once(socket, 'close');
  socket.resume();
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([1013, 'listener_too_slow']);
  await server.push.toRoom('b', 'e', 1);
  expect((await other.next()).data.message).toBe(1);
});

test('both sides show that they are there', async () => {
  const [server] = await startApis(1, { pushServer: { pingIntervalMs: 20 } });
  if (server === undefined) throw new Error('no server');
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/listen?room=a`, {
    headers: { 'x-api-key': keys.read },
    autoPong: false,
  });
  onTestFinished(() => socket.terminate());
  await once(socket, 'ping');
  // Without an answer to it the connection is taken for dead.
  expect((await once(socket, 'close'))[0]).toBe(1006);
});

test('who may not listen is refused with a code, on both ways', async () => {
  const secret = 'a secret of the agents';
  const [server] = await startApis(
    1,
    { access: { secrets: [secret] } },
    { hooks: { canJoin: (client, room) => room === `of ${client.uid}`, onConnect: ({ uid }) => uid !== 'eve' } },
  );
  if (server === undefined) throw new Error('no server');
  const signed = (uid: string) => {
    const headers = { 'x-gopush-uid': uid, 'x-gopush-product': 'default', 'x-gopush-agent': 'a', 'x-request-id': '1' };
    return { ...headers, 'x-gopush-signature': signIdentity(secret, headers, Date.now() + 60_000) };
  };
  const refused: [string, Record<string, string>, number, string][] = [
    ['room=a', {}, 401, 'api_key_missing'],
    ['room=a&uid=ann', {}, 401, 'api_key_missing'],
    ['room=a', { 'x-api-key': 'nobody has this one' }, 401, 'api_key_unknown'],
    ['room=a', { 'x-api-key': keys.publish }, 403, 'api_scope_missing'],
    ['', { 'x-api-key': keys.read }, 400, 'payload_invalid'],
    ['rooms=a', { 'x-api-key': keys.read }, 400, 'payload_invalid'],
    ['room=', { 'x-api-key': keys.read }, 400, 'room_invalid'],
    [Array.from({ length: 51 }, (_, n) => `room=${n}`).join('&'), { 'x-api-key': keys.read }, 400, 'payload_invalid'],
    ['room=of ann', { 'x-gopush-uid': 'ann' }, 403, 'identity_unsigned'],
    ['room=of ann', { ...signed('ann'), 'x-gopush-uid': 'bob' }, 403, 'identity_unsigned'],
    ['room=of bob', signed('ann'), 403, 'join_refused'],
    ['user=bob', signed('ann'), 403, 'join_refused'],
    ['', signed('eve'), 403, 'connect_refused'],
  ];
  for (const [query, headers, status, code] of refused) {
    const answer = await call(server, `GET /listen?${query}`, undefined, { key: null, headers });
    expect([query, ...refusal(answer)]).toEqual([query, status, code]);
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/listen?${query}`, { headers });
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    expect(response.headers['x-gopush-error']).toBe(code);
    response.resume();
    socket.terminate();
  }
  const own = await listenSse(server, `room=${encodeURIComponent('of ann')}&uid=ann`, signed('ann'));
  expect((await own.next()).data).toEqual({ rooms: ['of ann'], users: [] });
  const ended = await listenWs(server, '', signed('ann'));
  expect((await ended.next()).data).toEqual({ rooms: [], users: ['ann'] });
  await call(server, `DELETE /users/ann/rooms/${encodeURIComponent('of ann')}`);
  expect((await own.ended).text).toContain('"code":"disconnected"');
  await call(server, 'POST /users/ann/disconnect');
  expect(await ended.ended).toEqual({ code: 1008, text: 'disconnected' });
});

test('upgrades elsewhere are refused', async () => {
  const [server] = await startApis(1);
  if (server === undefined) throw new Error('no server');
  for (const path of ['/api/v1/rooms', '/elsewhere']) {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, { headers: { 'x-api-key': keys.read } });
    socket.on('error', () => {});
    const [, response] = await once(socket, 'unexpected-response');
    expect([response.statusCode, response.headers['x-gopush-error']]).toEqual([404, 'not_found']);
    response.resume();
    socket.terminate();
  }
});

test('a device behind an agent listens as who the agent says it is', async () => {
  const access = { secrets: ['a secret of the agents'] };
  const servers = await startApis(2, { access });
  const agent = await startTestAgent(
    { agent: ({ headers }) => String(headers['x-user']), router: { default: targetsOf(servers) } },
    { access },
  );
  for (const listen of [listenSse, listenWs]) {
    // The client's own claim about its identity does not count.
    const ann = await listen(agent, 'room=a&user=ann&uid=bob', { 'x-gopush-uid': 'bob', 'x-user': 'ann' });
    expect((await ann.next()).data).toEqual({ rooms: ['a'], users: ['ann'] });
    await call(servers[1] as PushServer, 'POST /rooms/a/publish', { event: 'e', message: 1 });
    expect((await ann.next()).data.message).toBe(1);
    ann.close();
    await ann.ended;
  }
  const asked = await fetch(`${agent.url}/api/v1/rooms`, { headers: { 'x-api-key': keys.read, 'x-user': 'backend' } });
  expect(asked.status).toBe(200);
  await asked.body?.cancel();
});
