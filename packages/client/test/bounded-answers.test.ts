import { createClient } from '@gopush/client';
import type { PresencePage } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { describe, expect, it, test } from 'vitest';
import { call, startApis } from '../../../test/support/api.ts';
import { connectTo, describeNodes, hear } from '../../../test/support/nodes.ts';

/** Bytes of an answer as JSON. */
const sizeOf = (answer: unknown): number => Buffer.byteLength(JSON.stringify(answer));

describe('answers to joins', () => {
  it('say what changed and how many rooms that makes, whatever rooms a client is in', async () => {
    const [server] = (await startApis(1)) as [PushServer];
    const ann = await connectTo(server, 'ann');
    const rooms = Array.from({ length: 900 }, (_, index) => `${index} ${'x'.repeat(240)}`);
    for (let at = 0; at < 900; at += 100) await ann.emitWithAck('go:join', rooms.slice(at, at + 100));
    const [first = ''] = rooms;
    const again = await ann.emitWithAck('go:join', first);
    expect(again).toMatchObject({ ok: true, rooms: [first], count: 900, joined: [{ room: first }] });
    expect(sizeOf(again)).toBeLessThan(1_000);
    for (const answer of [
      await ann.emitWithAck('room', { room: first }),
      await ann.emitWithAck('go:leave', 'never entered'),
      await ann.emitWithAck('go:leave', first),
    ]) {
      expect(sizeOf(answer)).toBeLessThan(1_000);
    }
    expect(await ann.emitWithAck('go:leave', [first, 'never entered'])).toEqual({ ok: true, rooms: [], count: 899 });
  });

  it('a join of a room that one is in already tells where the room stands, gives nothing again and asks the store nothing', async () => {
    const [server] = (await startApis(1)) as [PushServer];
    const ann = await connectTo(server, 'ann');
    await ann.emitWithAck('go:join', 'den');
    const chats = hear(ann, 'chat');
    const said = await ann.emitWithAck('go:publish', { room: 'den', event: 'chat', message: 1, echo: true });
    await chats.count(1);
    const { position } = said;
    for (let times = 0; times < 300; times++) {
      const again = await ann.emitWithAck('go:join', 'den');
      expect(again).toEqual({ ok: true, rooms: ['den'], count: 1, joined: [{ room: 'den', position }] });
    }
    expect(chats.all.length).toBe(1);
  });
});

it('a history that is asked for again and again is refused after some time, and given again later', async () => {
  const [server] = (await startApis(1)) as [PushServer];
  for (let message = 0; message < 9; message++) await server.push.toRoom('den', 'chunk', 'x'.repeat(100_000));
  const history = await server.push.history('den', 0, 1);
  const epoch = history.ok ? history.value.position?.epoch : '';
  const eve = await connectTo(server, 'eve');
  let bytes = 0;
  eve.on('chunk', (chunk: string) => {
    bytes += chunk.length;
  });
  let refused = 0;
  const began = performance.now();
  while (refused <= 20) {
    const answer = await eve.emitWithAck('go:join', { room: 'den', epoch, after: 0 });
    if (answer.ok) continue;
    expect(answer.error.code).toBe('too_many_requests');
    refused++;
  }
  // What a connection gets at once, what it gets each second, and one history more.
  const mebibytes = 16 + (performance.now() - began) / 1_000;
  expect(bytes).toBeLessThan(mebibytes * 1024 * 1024 + 1_000_000);
  expect(await eve.emitWithAck('go:join', 'other')).toMatchObject({ ok: true });
  await expect.poll(async () => (await eve.emitWithAck('go:join', { room: 'den', epoch, after: 0 })).ok).toBe(true);
});

describeNodes('who is in a room', (startNodes) => {
  it('is told by pages: to clients, by the library, and to programs', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const store = await nodes.openStore();
    const ann = await connectTo(server, 'ann');
    await ann.emitWithAck('go:join', 'hall');
    await store.presence.beat('other', 60_000);
    await Promise.all(
      Array.from({ length: 1_499 }, (_, index) => store.presence.joinRoom('other', 'r:hall', `u${index}`, `s${index}`)),
    );
    await expect.poll(async () => (await store.presence.room('r:hall', 1, undefined)).users.length).toBe(1);
    const first: PresencePage & { ok: boolean } = await ann.emitWithAck('go:presence', { room: 'hall' });
    expect(first.users.length).toBe(1_000);
    const rest: PresencePage = await ann.emitWithAck('go:presence', { room: 'hall', after: first.next });
    expect([rest.users.length, rest.next]).toEqual([500, null]);
    expect(new Set([...first.users, ...rest.users].map(({ uid }) => uid)).size).toBe(1_500);
    expect((await ann.emitWithAck('go:presence', { room: 'hall', limit: 3 })).users.length).toBe(3);
    const client = createClient(ann as never);
    expect((await client.presence('hall')).length).toBe(1_500);
    expect((await client.presencePage('hall', { limit: 10 })).users.length).toBe(10);
    const all = await server.push.presence.room('hall');
    expect(all.ok && all.value.length).toBe(1_500);
    for (const wrong of [
      { room: 'hall', limit: 1_001 },
      { room: 'hall', limit: 0 },
      { room: 'hall', after: 5 },
      { room: 'hall', after: 'x'.repeat(401) },
      { room: 'hall', after: '\0' },
    ]) {
      expect(await ann.emitWithAck('go:presence', wrong)).toMatchObject({ error: { code: 'payload_invalid' } });
    }
  });

  it('is told by pages in a product of its own as well', async () => {
    const server = await (await startNodes()).start({ isolateProducts: true });
    const query = { product: 'game' };
    for (const uid of ['ann', 'bob', 'cat']) {
      const socket = await connectTo(server, uid, {
        query: { ...query, uid },
        extraHeaders: { 'x-gopush-product': 'game' },
      });
      await socket.emitWithAck('go:join', 'hall');
    }
    const game = server.push.of('game');
    await expect.poll(() => game.presence.room('hall')).toMatchObject({ value: { length: 3 } });
    const uids: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await game.presence.page('hall', { limit: 1, after });
      if (!page.ok) throw new Error(page.failure.code);
      uids.push(...page.value.users.map(({ uid }) => uid));
      after = page.value.next;
      if (after === null) break;
    }
    expect(uids.sort()).toEqual(['ann', 'bob', 'cat']);
  });
});

test('the HTTP API gives presence by pages, and a history by pages of bounded size', async () => {
  const [server] = (await startApis(1, {
    pushServer: { history: { bytes: 67_108_864 }, limits: { sendQueueBytes: 67_108_864 } },
  })) as [PushServer];
  for (const uid of ['ann', 'bob', 'cat']) await (await connectTo(server, uid)).emitWithAck('go:join', 'hall');
  const page = async (query: string) => (await call(server, `GET /rooms/hall/presence${query}`)).body;
  await expect.poll(async () => (await page('')).users.length).toBe(3);
  expect(await page('')).toMatchObject({ next: null });
  const first = await page('?limit=2');
  expect(first.users.length).toBe(2);
  const second = await page(`?limit=2&after=${encodeURIComponent(first.next)}`);
  expect([...first.users, ...second.users].map(({ uid }) => uid).sort()).toEqual(['ann', 'bob', 'cat']);
  expect((await call(server, 'GET /rooms/hall/presence?limit=1001')).status).toBe(400);

  for (let message = 0; message < 10; message++) {
    await server.push.toRoom('log', 'chunk', `${message}${'x'.repeat(1_000_000)}`);
  }
  const numbers: string[] = [];
  let pages = 0;
  for (let after = 0; after < 10; pages++) {
    const { body } = await call(server, `GET /rooms/log/history?after=${after}&limit=1000`);
    expect(sizeOf(body)).toBeLessThan(5_000_000);
    for (const { offset, message } of body.messages) {
      numbers.push(message[0]);
      after = offset;
    }
  }
  expect([numbers.join(''), pages]).toEqual(['0123456789', 3]);
  // Clients that come back get all of it.
  const dan = await connectTo(server, 'dan');
  const chunks = hear<string>(dan, 'chunk');
  const history = await server.push.history('log', 0, 1);
  const epoch = history.ok ? history.value.position?.epoch : '';
  const joined = await dan.emitWithAck('go:join', { room: 'log', epoch, after: 0 });
  expect(joined).toMatchObject({ joined: [{ recovered: true }] });
  expect((await chunks.count(10)).map(([number]) => number).join('')).toBe('0123456789');
});
