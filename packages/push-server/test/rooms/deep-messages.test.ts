import { serialize } from 'node:v8';
import type { PushServer } from '@gopush/push-server';
import { describe, expect, it } from 'vitest';
import { connectTo, describeNodes, hear, startNodes } from '../../../../test/support/nodes.ts';
import { openClient } from '../../../../test/support/socket-io.ts';

/** JSON of an object nested so deep. */
function nested(levels: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

const limits = { count: 100, ageMs: 300_000, bytes: 10_485_760 };

/** Bytes that no version has written, and bytes of V8's serializer that V8 cannot read again. */
const undecodable: readonly Buffer[] = [
  serialize(['chat', nested(2_400), undefined]),
  Buffer.from([7, 1, 2, 3]),
  Buffer.alloc(0),
  Buffer.from([1, ...Buffer.from('["chat",nu')]),
  Buffer.from([1, ...Buffer.from('{"a":1}')]),
  Buffer.from([2, 0, 0, 0, 9, 1, 1]),
];

describeNodes('messages that cannot be decoded', (startNodes) => {
  it('leaves a gap in the room: members and those who recover are told, and hear what comes after', async () => {
    const nodes = await startNodes();
    const [one, other] = [await nodes.start(), await nodes.start()] as [PushServer, PushServer];
    const ann = await connectTo(one, 'ann');
    const bob = await connectTo(other, 'bob');
    await Promise.all([ann, bob].map((socket) => socket.emitWithAck('go:join', 'den')));
    const chats = hear(ann, 'chat');
    const gaps = hear(ann, 'go:gap');
    const first = await bob.emitWithAck('go:publish', { room: 'den', event: 'chat', message: 'before', echo: true });
    await chats.has('before');
    const store = await nodes.openStore();
    for (const payload of undecodable) await store.history.append('r:den', payload, limits);
    await bob.emitWithAck('go:publish', { room: 'den', event: 'chat', message: 'after' });
    await chats.has('after');
    expect(gaps.all.length).toBeGreaterThan(0);
    // One who was away comes back to the place before them.
    const { epoch, offset } = first.position;
    const cat = await connectTo(other, 'cat');
    const heardByCat = hear(cat, 'chat');
    const answer = await cat.emitWithAck('go:join', { room: 'den', epoch, after: offset });
    expect(answer).toMatchObject({ ok: true, joined: [{ room: 'den', recovered: false }] });
    await heardByCat.has('after');
    await bob.emitWithAck('go:publish', { room: 'den', event: 'chat', message: 'last' });
    await Promise.all([heardByCat.has('last'), chats.has('last')]);
    // What reads the history itself leaves them out.
    const history = await other.push.history('den', 0, 100);
    expect(history.ok && history.value.messages.map(({ message }) => message)).toEqual(['before', 'after', 'last']);
  });

  it('leaves them out of an inbox, whose other messages are given', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const store = await nodes.openStore();
    for (const [index, payload] of undecodable.entries()) {
      await store.inbox.put('ann', { id: `bad-${index}`, payload, ttlMs: 60_000 }, { count: 100, bytes: 10_485_760 });
    }
    await server.push.toUser('ann', 'note', 'good', { deliver: 'store' });
    const ann = openClient(server.url, 'websocket', { query: { uid: 'ann' } });
    const inbox = hear<{ message: unknown }>(ann, 'go:inbox');
    await inbox.count(1);
    expect(inbox.all[0]).toMatchObject({ message: 'good' });
    const pending = await server.push.inbox.pending('ann', 100);
    expect(pending.ok && pending.value.map(({ message }) => message)).toEqual(['good']);
  });

  it('begins a new session where the stored one cannot be decoded', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const ann = await connectTo(server, 'ann', { reconnection: true, reconnectionDelay: 50 });
    const store = await nodes.openStore();
    const { _pid: pid, id } = ann as unknown as { _pid: string; id: string };
    const back = new Promise<void>((resolve) => ann.once('connect', () => resolve()));
    const save = async (): Promise<void> => {
      await store.sessions.save(`p:${pid}`, Buffer.from([9, 9, 9]), 60_000);
    };
    ann.io.engine.close();
    await save();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await save();
    await back;
    expect(ann.recovered && ann.id !== id).toBe(false);
    expect(await ann.emitWithAck('go:join', 'den')).toMatchObject({ ok: true });
  });
});

describe('what a program publishes', () => {
  it.each<[string, () => unknown]>([
    ['nested 2,500 deep', () => nested(2_500)],
    ['nested 100,000 deep', () => nested(100_000)],
    ['a BigInt', () => ({ big: 5n })],
    [
      'an object that holds itself',
      () => {
        const self: Record<string, unknown> = {};
        self.self = self;
        return self;
      },
    ],
    [
      'one that cannot write itself',
      () => ({
        toJSON() {
          throw new Error('no');
        },
      }),
    ],
    ['bytes beside a key that stands for bytes', () => ({ bytes: Buffer.from('a'), '\0': 0 })],
  ])('is refused and not kept: %s', async (_, make) => {
    const server = await (await startNodes('embedded store')).start();
    for (const keep of ['try', 'must', 'no'] as const) {
      const said = await server.push.toRoom('den', 'chat', make(), { keep });
      expect(said).toMatchObject({ ok: false, failure: { code: 'payload_invalid' } });
    }
    for (const deliver of ['online', 'store'] as const) {
      expect(await server.push.toUser('ann', 'chat', make(), { deliver })).toMatchObject({
        ok: false,
        failure: { code: 'payload_invalid' },
      });
    }
    expect(await server.push.history('den', 0, 10)).toMatchObject({ ok: true, value: { position: null } });
  });

  it('is refused where it is larger than 16 MiB', async () => {
    const server = await (await startNodes('embedded store')).start();
    const said = await server.push.toRoom('den', 'chat', Buffer.alloc(17 * 1024 * 1024));
    expect(said).toMatchObject({ ok: false, failure: { code: 'payload_invalid' } });
  });

  it('reaches members on other nodes and in the history as JSON writes it, with its bytes', async () => {
    const nodes = await startNodes('embedded store');
    const [one, other] = [await nodes.start(), await nodes.start()] as [PushServer, PushServer];
    const ann = await connectTo(other, 'ann');
    await ann.emitWithAck('go:join', 'den');
    const chats = hear(ann, 'chat');
    const said = {
      text: 'ä\ud800',
      list: [1, null, { deep: [Buffer.from('ab'), new Uint16Array([1, 2])] }],
      none: undefined,
      date: new Date(0),
      constructor: 'x',
    };
    expect(await one.push.toRoom('den', 'chat', said)).toMatchObject({ ok: true });
    expect(await one.push.toRoom('den', 'chat', Buffer.from('whole'), { keep: 'no' })).toMatchObject({ ok: true });
    expect(await one.push.toRoom('den', 'chat', undefined)).toMatchObject({ ok: true });
    const [first, second, third] = await chats.count(3);
    expect(first).toEqual({
      text: 'ä\ud800',
      list: [1, null, { deep: [Buffer.from('ab'), Buffer.from([1, 0, 2, 0])] }],
      date: '1970-01-01T00:00:00.000Z',
      constructor: 'x',
    });
    expect(second).toEqual(Buffer.from('whole'));
    expect(third).toBe(null);
  });
});
