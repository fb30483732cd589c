import type { ConfigInput } from '@gopush/contract';
import { type PushServer, startPushServer } from '@gopush/push-server';
import { createRedisClient } from '@gopush/store';
import { Emitter } from '@socket.io/redis-emitter';
import type { Socket } from 'socket.io-client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectClient } from '../../../../test/support/socket-io.ts';
import { startRedis } from '../../../store/test/support/redis.ts';
import { redisConfig } from '../../../store/test/support/stores.ts';

const kinds = ['pubsub', 'sharded', 'streams'] as const;

async function startTwo(fanout: (typeof kinds)[number], pushServer: ConfigInput['pushServer'] = {}) {
  const { port } = await startRedis();
  const config: ConfigInput = {
    serverPortStart: 0,
    redisAdapter: { port, fanout, prefix: 'app' },
    pushServer: { drainMs: 100, ...pushServer },
  };
  const start = async (node: string): Promise<PushServer> => {
    const server = await startPushServer({
      config,
      node,
      // A namespace and rooms of a program's own.
      setup(io) {
        io.of('/chat').on('connection', (socket) => void socket.join('lobby'));
        io.on('connection', (socket) => void socket.join('own'));
      },
      hooks: {},
    });
    onTestFinished(() => server.close());
    return server;
  };
  const servers = [await start('one'), await start('two')] as const;
  const client = createRedisClient(redisConfig({ host: '127.0.0.1', port }), 1);
  onTestFinished(() => client.disconnect());
  return { servers, emitter: new Emitter(client, { key: 'app' }), client };
}

/** A client that remembers what it hears, in rooms. */
async function member(server: PushServer, uid: string, rooms: readonly string[], headers = {}) {
  const socket: Socket = await connectClient(server.url, 'websocket', { query: { uid }, extraHeaders: headers });
  const heard: unknown[] = [];
  socket.on('n', (n: unknown) => heard.push(n));
  if (rooms.length > 0) await socket.emitWithAck('go:join', rooms);
  return { socket, heard };
}

describe.each(kinds)('an emitter without Socket.IO, by %s', (fanout) => {
  test('reaches rooms by their plain names, and takes no room for a user', async () => {
    const { servers, emitter } = await startTwo(fanout);
    const [one, two] = servers;
    const ann = await member(one, 'ann', ['lobby', 'news']);
    const bob = await member(two, 'bob', ['lobby']);
    const cat = await member(two, 'cat', ['u:bob']);
    const all = [ann, bob, cat];
    emitter.to('lobby').emit('n', 1);
    emitter.to('lobby').to('news').emit('n', 2);
    emitter.to('lobby').except('news').emit('n', 3);
    // The name of ours for the user bob, and of a room that cat has joined.
    emitter.to('u:bob').emit('n', 4);
    emitter.to('r:lobby').emit('n', 'nobody');
    emitter.to(ann.socket.id as string).emit('n', 5);
    emitter.to('own').emit('n', Buffer.from([6]));
    emitter.emit('n', 7);
    for (const { heard } of all) await expect.poll(() => heard, { timeout: 10_000 }).toContain(7);
    const bytes = Buffer.from([6]);
    expect(ann.heard).toEqual([1, 2, 5, bytes, 7]);
    expect(bob.heard).toEqual([1, 2, 3, bytes, 7]);
    expect(cat.heard).toEqual([4, bytes, 7]);
  });

  test('moves clients between rooms as they would themselves, ends them, and speaks to servers and namespaces', async () => {
    const { servers, emitter } = await startTwo(fanout);
    const [one, two] = servers;
    const ann = await member(one, 'ann', ['lobby']);
    const bob = await member(two, 'bob', ['lobby']);
    emitter.in('lobby').socketsJoin(['vip', 'not\u0000a room']);
    await expect
      .poll(
        async () =>
          (await one.push.presence.room('vip')).ok &&
          (await ann.socket.emitWithAck('go:presence', { room: 'vip' })).users,
        {
          timeout: 5_000,
        },
      )
      .toEqual([
        { uid: 'ann', devices: 1 },
        { uid: 'bob', devices: 1 },
      ]);
    // A real member: what is kept comes, too.
    await one.push.toRoom('vip', 'n', 1);
    for (const { heard } of [ann, bob]) await expect.poll(() => heard, { timeout: 10_000 }).toEqual([1]);
    emitter.in('vip').except('own').socketsLeave('vip');
    emitter.in(bob.socket.id as string).socketsLeave('vip');
    await expect
      .poll(async () => await one.push.presence.room('vip'), { timeout: 10_000 })
      .toMatchObject({
        value: [{ uid: 'ann', devices: 1 }],
      });

    const asked = Promise.all(servers.map(({ io }) => new Promise((resolve) => io.once('question', resolve))));
    emitter.serverSideEmit('question', 'how are you');
    expect(await asked).toEqual(['how are you', 'how are you']);

    const chat = bob.socket.io.socket('/chat');
    await new Promise<void>((resolve) => chat.once('connect', resolve));
    const inChat = new Promise((resolve) => chat.once('n', resolve));
    emitter.of('/chat').to('lobby').emit('n', 'in chat');
    expect(await inChat).toBe('in chat');
    expect(bob.heard).toEqual([1]);

    const gone = new Promise((resolve) => ann.socket.once('disconnect', resolve));
    emitter.in('vip').disconnectSockets(true);
    await gone;
    expect(bob.socket.connected).toBe(true);
  });
});

test('an emitter reaches rooms of a product by its name before that of the room', async () => {
  const { servers, emitter } = await startTwo('pubsub', { isolateProducts: true });
  const plain = await member(servers[0], 'ann', ['lobby']);
  const shop = await member(servers[1], 'ann', ['lobby'], { 'x-gopush-product': 'shop' });
  emitter.to('lobby').emit('n', 1);
  emitter.to('shop\u001flobby').emit('n', 2);
  emitter.emit('n', 3);
  for (const { heard } of [plain, shop]) await expect.poll(() => heard, { timeout: 10_000 }).toContain(3);
  expect(plain.heard).toEqual([1, 3]);
  expect(shop.heard).toEqual([2, 3]);
});

test('what looks like an emitter and is none ends nothing', async () => {
  const { servers, emitter, client } = await startTwo('pubsub');
  const ann = await member(servers[0], 'ann', ['lobby']);
  const begin = Buffer.from('\x93\xa7emitter', 'latin1');
  for (const end of [[], [0xc0, 0xc0], [0x80, 0x80], [0x80, 0x81, 0xa5, ...Buffer.from('rooms'), 0x01]]) {
    await client.publish('app#/#lobby#', Buffer.concat([begin, Buffer.from(end)]));
  }
  for (const text of [
    '{',
    '{}',
    '{"type":2}',
    '{"type":2,"opts":{"rooms":1},"rooms":"a"}',
    '{"type":6,"uid":"emitter"}',
  ]) {
    await client.publish('app-request#/#', text);
  }
  emitter.to('lobby').emit('n', 1);
  await expect.poll(() => ann.heard, { timeout: 10_000 }).toEqual([1]);
});
