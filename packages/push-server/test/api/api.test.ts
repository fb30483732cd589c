import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyCharacter } from '../../../../test/support/any-character.ts';
import { call, keys, refusal, startApis } from '../../../../test/support/api.ts';
import { startPushServers } from '../../../../test/support/gateway.ts';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { connectClient, nextEvent } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';

async function startApi(...parameters: Parameters<typeof startApis> extends [number, ...infer R] ? R : never) {
  const [server] = await startApis(1, ...parameters);
  if (server === undefined) throw new Error('no server');
  return server;
}

/** Something nested so deep. */
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

test('without keys there is no API', async () => {
  const [server] = await startPushServers(1);
  if (server === undefined) throw new Error('no server');
  expect(refusal(await call(server, 'GET /rooms'))).toEqual([404, 'not_found']);
  expect(refusal(await call(server, 'GET /listen?room=a'))).toEqual([404, 'not_found']);
});

test('a key is needed, a wrong one is refused, and each is good for its scopes alone', async () => {
  const server = await startApi();
  const missing = await call(server, 'GET /rooms', undefined, { key: null });
  expect(refusal(missing)).toEqual([401, 'api_key_missing']);
  expect(missing.headers.get('www-authenticate')).toBe('Bearer');
  for (const key of ['x', `${keys.all}x`, keys.all.slice(1)]) {
    expect(refusal(await call(server, 'GET /rooms', undefined, { key }))).toEqual([401, 'api_key_unknown']);
  }
  const byHeader = await call(server, 'GET /rooms', undefined, { key: null, headers: { 'x-api-key': keys.read } });
  expect(byHeader.status).toBe(200);
  const { body: document } = await call(server, 'GET /openapi.json', undefined, { key: keys.read });
  let tried = 0;
  for (const [path, operations] of Object.entries<Record<string, { description?: string }>>(document.paths)) {
    for (const [method, { description = '' }] of Object.entries(operations)) {
      const [, scope] = /with the scope (\w+)\./.exec(description) ?? [];
      if (scope === undefined) continue;
      const request = `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, 'x')}`;
      for (const other of (['publish', 'read', 'admin'] as const).filter((one) => one !== scope)) {
        expect(refusal(await call(server, request, undefined, { key: keys[other] }))).toEqual([
          403,
          'api_scope_missing',
        ]);
        tried++;
      }
    }
  }
  expect(tried).toBeGreaterThan(20);
});

test('what is published reaches clients of all push-servers, and says where it is kept', async () => {
  const [one, two] = await startApis(2);
  if (one === undefined || two === undefined) throw new Error('no servers');
  const ann = await connectClient(two.url, 'websocket', { query: { uid: 'ann' } });
  await ann.emitWithAck('go:join', 'a/b ü');
  const heard = nextEvent(ann, 'chat');
  const said = await call(one, `POST /rooms/${encodeURIComponent('a/b ü')}/publish`, {
    event: 'chat',
    message: { n: 1 },
  });
  expect(said).toMatchObject({ status: 200, body: { position: { offset: 1 }, duplicate: false } });
  expect(await heard).toEqual({ n: 1 });
  const news = nextEvent(ann, 'news');
  expect((await call(one, 'POST /users/ann/publish', { event: 'news', message: 1 })).body).toMatchObject({
    state: 'sent',
    devices: 1,
  });
  expect(await news).toBe(1);
  const all = nextEvent(ann, 'all');
  expect((await call(one, 'POST /notify', { event: 'all', message: null })).body).toEqual({});
  expect(await all).toBeNull();
  const { body } = await call(one, `GET /rooms/${encodeURIComponent('a/b ü')}/history`);
  expect(body.messages).toMatchObject([{ offset: 1, event: 'chat', message: { n: 1 } }]);
  expect((await call(one, `GET /rooms/${encodeURIComponent('a/b ü')}/presence`)).body).toEqual({
    users: [{ uid: 'ann', devices: 1 }],
    next: null,
  });
  expect((await call(one, 'GET /users/ann/presence')).body).toMatchObject({ online: true, devices: 1, lastSeen: null });
  expect((await call(one, 'GET /rooms')).body).toEqual({ nodes: 2, sockets: 1, memberships: 1 });
});

test('the same id, in the body or as Idempotency-Key, is said once', async () => {
  const server = await startApi();
  const send = (id: string, headers = {}) =>
    call(server, 'POST /rooms/a/publish', { event: 'e', ...(id === '' ? {} : { id }) }, { headers });
  expect((await send('one')).body.duplicate).toBe(false);
  const again = await send('', { 'idempotency-key': 'one' });
  expect(again.body).toMatchObject({ duplicate: true, position: { offset: 1 } });
  expect(refusal(await send('one', { 'idempotency-key': 'two' }))).toEqual([400, 'payload_invalid']);
  const many = await Promise.all(Array.from({ length: 20 }, () => send('many')));
  expect(many.filter(({ body }) => !body.duplicate)).toHaveLength(1);
  const batch = [
    { to: 'room', room: 'b', event: 'e' },
    { to: 'room', room: 'b', event: 'f' },
  ];
  for (const duplicate of [false, true]) {
    const { body } = await call(server, 'POST /batch', batch, { headers: { 'idempotency-key': 'batch' } });
    expect(body.results.map((one: { result: { duplicate: boolean } }) => one.result.duplicate)).toEqual([
      duplicate,
      duplicate,
    ]);
  }
  const notify = await call(server, 'POST /notify', { event: 'e' }, { headers: { 'idempotency-key': 'x' } });
  expect(refusal(notify)).toEqual([400, 'payload_invalid']);
});

test('each message of a batch has its own result, in order', async () => {
  const server = await startApi();
  const room = (n: number) => ({ to: 'room', room: 'a', event: 'e', message: n });
  const { body } = await call(server, 'POST /batch', [
    room(0),
    { to: 'room', room: '', event: 'e' },
    room(1),
    { to: 'user', user: 'bob', event: 'e' },
    { to: 'user', user: 'bob', event: 'e', deliver: 'store', id: 'm1' },
    { to: 'all', event: 'go:mine' },
    { to: 'nobody', event: 'e' },
    { to: 'room', room: 'a', event: 'e', keep: 'no' },
    room(2),
  ]);
  expect(body.results.map((one: { ok: boolean; error?: { code: string } }) => one.error?.code ?? one.ok)).toEqual([
    true,
    'room_invalid',
    true,
    true,
    true,
    'event_invalid',
    'payload_invalid',
    true,
    true,
  ]);
  expect(body.results[3].result).toMatchObject({ state: 'offline' });
  expect(body.results[4].result).toEqual({ id: 'm1', state: 'waiting', devices: 0 });
  const history = await call(server, 'GET /rooms/a/history');
  expect(history.body.messages.map(({ message }: { message: number }) => message)).toEqual([0, 1, 2]);
  expect(refusal(await call(server, 'POST /batch', []))).toEqual([400, 'payload_invalid']);
  expect(refusal(await call(server, 'POST /batch', Array(101).fill(room(1))))).toEqual([400, 'payload_invalid']);
});

test('a history that does not reach back is told as such', async () => {
  const server = await startApi({ pushServer: { history: { count: 3 } } });
  for (let n = 1; n <= 5; n++) await call(server, 'POST /rooms/a/publish', { event: 'e', message: n });
  const { body } = await call(server, 'GET /rooms/a/history?limit=2');
  expect(body).toMatchObject({ first: 3, position: { offset: 5 }, messages: [{ offset: 3 }, { offset: 4 }] });
  expect((await call(server, `GET /rooms/a/history?after=4&epoch=${body.position.epoch}`)).body.messages).toHaveLength(
    1,
  );
  expect((await call(server, 'GET /rooms/a/history?after=2')).status).toBe(200);
  for (const query of ['after=1', 'after=4&epoch=other', 'epoch=other']) {
    expect(refusal(await call(server, `GET /rooms/a/history?${query}`))).toEqual([410, 'history_gone']);
  }
  expect((await call(server, 'GET /rooms/never/history')).body).toMatchObject({ position: null, messages: [] });
});

test('what waits for a user is seen, and ended', async () => {
  const server = await startApi();
  await call(server, 'POST /users/bob/publish', { event: 'e', message: [1], deliver: 'store', id: 'm', ttlMs: 60_000 });
  expect((await call(server, 'GET /users/bob/inbox')).body.messages).toMatchObject([
    { id: 'm', event: 'e', message: [1] },
  ]);
  expect((await call(server, 'GET /users/bob/inbox/m')).body).toEqual({ id: 'm', status: 'waiting' });
  expect((await call(server, 'DELETE /users/bob/inbox/m')).body).toEqual({ acked: true });
  expect((await call(server, 'DELETE /users/bob/inbox/m')).body).toEqual({ acked: false });
  expect((await call(server, 'GET /users/bob/inbox/m')).body.status).toBe('acked');
  expect((await call(server, 'GET /users/bob/inbox/other')).body.status).toBe('unknown');
});

test('users are moved and disconnected, wherever they are', async () => {
  const [one, two] = await startApis(2);
  if (one === undefined || two === undefined) throw new Error('no servers');
  const ann = await connectClient(two.url, 'websocket', { query: { uid: 'ann' } });
  await call(one, 'PUT /users/ann/rooms/a');
  expect(await ann.emitWithAck('go:leave', 'x')).toEqual({ ok: true, rooms: [], count: 1 });
  await call(one, 'DELETE /users/ann/rooms/a');
  expect(await ann.emitWithAck('go:leave', 'x')).toEqual({ ok: true, rooms: [], count: 0 });
  expect(refusal(await call(one, `POST /sockets/${encodeURIComponent('u:ann')}/disconnect`))).toEqual([
    400,
    'payload_invalid',
  ]);
  const gone = nextEvent(ann, 'disconnect');
  await call(one, `POST /sockets/${ann.id}/disconnect`);
  expect(await gone).toBe('io server disconnect');
  const again = await connectClient(two.url, 'websocket', { query: { uid: 'ann' } });
  const goneAgain = nextEvent(again, 'disconnect');
  await call(one, 'POST /users/ann/disconnect');
  expect(await goneAgain).toBe('io server disconnect');
});

test('what is wrong is named: fields, methods, paths, sizes', async () => {
  const server = await startApi({ api: { maxBodyBytes: 2_000 } });
  const wrong: [string, unknown, number, string, string][] = [
    ['POST /rooms/a/publish', { event: 1 }, 400, 'payload_invalid', 'event'],
    ['POST /rooms/a/publish', {}, 400, 'payload_invalid', 'event'],
    ['POST /rooms/a/publish', { event: 'e', colour: 1 }, 400, 'payload_invalid', 'colour'],
    ['POST /rooms/a/publish', { event: 'connect' }, 400, 'event_invalid', 'event'],
    ['POST /rooms/a/publish', [], 400, 'payload_invalid', 'body'],
    ['POST /rooms/a/publish', undefined, 400, 'payload_invalid', 'body'],
    ['POST /rooms/a/publish', '{', 400, 'payload_invalid', 'body'],
    ['POST /rooms/a/publish', { event: 'e', keep: 'no', id: 'x' }, 400, 'payload_invalid', 'id'],
    ['POST /rooms/a/publish', `{"event":"e","message":${nested(200)}}`, 400, 'payload_invalid', 'message'],
    ['POST /rooms/%00/publish', { event: 'e' }, 400, 'room_invalid', 'room'],
    ['POST /rooms/%ff/publish', { event: 'e' }, 400, 'request_malformed', ''],
    ['POST /rooms/a/publish?x=1', { event: 'e' }, 400, 'payload_invalid', 'x'],
    ['POST /users/a/publish', { event: 'e', ttlMs: 1 }, 400, 'payload_invalid', 'ttlMs'],
    ['GET /rooms/a/history?after=-1', undefined, 400, 'payload_invalid', 'after'],
    ['GET /rooms/a/history?limit=5&limit=6', undefined, 400, 'payload_invalid', 'limit'],
    ['GET /rooms/a/history?limit=5000', undefined, 400, 'payload_invalid', 'limit'],
    ['POST /rooms/a/publish', { event: 'e', message: 'x'.repeat(2_000) }, 413, 'body_too_large', ''],
    ['GET /nothing', undefined, 404, 'not_found', ''],
    ['PATCH /rooms', undefined, 405, 'method_unsupported', ''],
  ];
  for (const [request, body, status, code, field] of wrong) {
    const answer = await call(server, request, body);
    expect([request, ...refusal(answer)]).toEqual([request, status, code]);
    expect(answer.body.error.message).toContain(field);
  }
  expect((await call(server, 'GET /users/x/rooms/y')).headers.get('allow')).toBe('PUT, DELETE');
  // An agent adds these to every query.
  expect((await call(server, 'GET /rooms?uid=ann&product=default')).status).toBe(200);
});

test('a body that grows too large without saying so is refused while it comes', async () => {
  const server = await startApi({ api: { maxBodyBytes: 1_024 } });
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    `POST /api/v1/notify HTTP/1.1\r\nhost: a\r\nx-api-key: ${keys.all}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  socket.write(`1000\r\n${'x'.repeat(4_096)}\r\n`);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  expect(text).toMatch(/^HTTP\/1.1 413 /);
});

test('each key may ask so much a second; a batch counts as its messages', async () => {
  const server = await startApi({ api: { perSecond: 5 } });
  const batch = Array.from({ length: 100 }, () => ({ to: 'room', room: 'a', event: 'e', keep: 'no' }));
  expect((await call(server, 'POST /batch', batch, { key: keys.publish })).status).toBe(200);
  const refused = await call(server, 'POST /batch', batch, { key: keys.publish });
  expect(refusal(refused)).toEqual([429, 'too_many_requests']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10);
  expect((await call(server, 'GET /rooms', undefined, { key: keys.read })).status).toBe(200);
});

test('while the store is away nothing is said that must be kept', async () => {
  const redis = await startRedis();
  const server = await startApi({ redisAdapter: { port: redis.port } });
  expect((await call(server, 'POST /rooms/a/publish', { event: 'e', id: '1' })).body.position).toMatchObject({
    offset: 1,
  });
  const ann = await connectClient(server.url, 'websocket', { query: { uid: 'ann' } });
  await ann.emitWithAck('go:join', 'a');
  await redis.kill();
  const heard: unknown[] = [];
  ann.onAny((event) => heard.push(event));
  const refused = await call(server, 'POST /rooms/a/publish', { event: 'kept' });
  expect(refusal(refused)).toEqual([503, 'not_durable']);
  expect(refused.headers.get('retry-after')).toBe('1');
  for (const request of ['GET /rooms', 'GET /rooms/a/history', 'GET /users/ann/inbox', 'GET /users/ann/presence']) {
    expect(refusal(await call(server, request))).toEqual([503, 'not_durable']);
  }
  const live = nextEvent(ann, 'live');
  expect((await call(server, 'POST /rooms/a/publish', { event: 'live', keep: 'try' })).body.position).toBeNull();
  await live;
  expect(heard).toEqual(['live']);
});

test('keys are in no log', async () => {
  const { logger, lines } = createMemoryLog();
  const server = await startApi({}, { logger });
  await call(server, 'POST /users/ann/disconnect');
  await call(server, 'POST /users/ann/disconnect', undefined, { key: 'wrong-key-that-nobody-has' });
  expect(lines.some(({ message }) => message === 'API request')).toBe(true);
  const text = JSON.stringify(lines);
  for (const key of [...Object.values(keys), 'wrong-key']) expect(text).not.toContain(key);
});

test('any payload gets an answer of the table, and never stops the server', async () => {
  const server = await startApi();
  const path = fc.constantFrom(
    'POST /rooms/a/publish',
    'POST /users/a/publish',
    'POST /notify',
    'POST /batch',
    'PUT /users/a/rooms/b',
    'POST /sockets/a/disconnect',
  );
  const field = fc.oneof(fc.jsonValue(), fc.string(), fc.constantFrom('must', 'store', 'room', 'user', 'all', 'e'));
  const names = fc.constantFrom(
    'event',
    'message',
    'id',
    'keep',
    'deliver',
    'ttlMs',
    'to',
    'room',
    'user',
    '__proto__',
  );
  const item = fc.dictionary(names, field).map((one) => ({ event: 'e', ...one }));
  const body = fc.oneof(fc.jsonValue(), item, fc.array(item, { maxLength: 5 }), fc.string());
  await fc.assert(
    fc.asyncProperty(path, body, async (request, payload) => {
      const { status, body: answer } = await call(server, request, payload);
      expect([200, 400]).toContain(status);
      expect(answer).toBeTypeOf('object');
    }),
    { numRuns: 300, endOnFailure: true },
  );
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.string({ unit: anyCharacter }), async (room, name) => {
      if (!room.isWellFormed() || !name.isWellFormed()) return;
      const { status } = await call(server, `POST /rooms/${encodeURIComponent(room).replaceAll('.', '%2e')}x/publish`, {
        event: name,
      });
      expect([200, 400]).toContain(status);
    }),
    { numRuns: 200, endOnFailure: true },
  );
  expect((await call(server, 'GET /rooms')).status).toBe(200);
});
