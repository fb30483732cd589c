import { createClient, type GopushError, type Room } from '@gopush/client';
import type { Socket } from 'socket.io-client';
import { expect, onTestFinished, test } from 'vitest';
import { appendUnheard, connectTo, describeNodes } from '../../../test/support/nodes.ts';
import { nextEvent, openClient } from '../../../test/support/socket-io.ts';

describeNodes('the client library', (startNodes) => {
  test('rooms hear, speak, know their position, and are left', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const ann = clientOf(await connectTo(one, 'ann')).join('r');
    const bobs = clientOf(await connectTo(two, 'bob'));
    const [bob, other] = [bobs.join('r'), bobs.join('other')];
    const heard = gather<number>(bob, 'n');
    const elsewhere = gather(other, 'n');
    await Promise.all([ann.joined, bob.joined, other.joined]);
    const published = await ann.publish('n', 1, { id: 'once' });
    expect(await ann.publish('n', 1, { id: 'once' })).toEqual({ ...published, duplicate: true });
    await ann.publish('n', 2, { volatile: true });
    expect(await heard.count(2)).toEqual([1, 2]);
    expect(bob.position).toEqual(published.position);
    expect(await bobs.presence('r')).toEqual([
      { uid: 'ann', devices: 1 },
      { uid: 'bob', devices: 1 },
    ]);
    await bob.leave();
    await expect(bob.publish('n', 3)).rejects.toMatchObject({ name: 'GopushError', code: 'left' });
    expect(elsewhere.all).toEqual([]);
  });

  test('after a reconnect each room goes on from its position; what was said by oneself is not given back', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const socket = await connectTo(server, 'ann', { reconnection: true, reconnectionDelay: 10 });
    const room = clientOf(socket).join('r');
    const heard = gather<number>(room, 'n');
    await room.joined;
    await server.push.toRoom('r', 'n', 1);
    await heard.count(1);
    await room.publish('n', 'my own');
    const back = nextEvent(socket, 'connect');
    socket.io.engine.close();
    await server.push.toRoom('r', 'n', 2);
    await back;
    await heard.count(2);
    await server.push.toRoom('r', 'n', 3);
    expect(await heard.count(3)).toEqual([1, 2, 3]);
  });

  test('a room that is left while there is no connection is left after a reconnect that recovers the session', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const socket = await connectTo(server, 'ann', { reconnection: true, reconnectionDelay: 10 });
    const client = clientOf(socket);
    const [left, again, stays] = [client.join('left'), client.join('again'), client.join('stays')];
    await Promise.all([left.joined, again.joined, stays.joined]);
    // A session that has had no message cannot be recovered.
    const heard = gather<number>(stays, 'n');
    await server.push.toRoom('stays', 'n', 1);
    await heard.count(1);
    const back = nextEvent(socket, 'connect');
    socket.io.engine.close();
    await Promise.all([left.leave(), again.leave()]);
    const anew = client.join('again');
    await back;
    expect(socket.recovered).toBe(true);
    await anew.joined;
    await expect.poll(() => server.push.presence.room('left')).toEqual({ ok: true, value: [] });
    for (const room of ['again', 'stays'])
      await expect.poll(() => client.presence(room)).toEqual([{ uid: 'ann', devices: 1 }]);
  });

  test('a room tells that it is joined after each reconnect, also one that recovers the session', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const socket = await connectTo(server, 'ann', { reconnection: true, reconnectionDelay: 10 });
    const room = clientOf(socket).join('r');
    const heard = gather<number>(room, 'n');
    let joined = 0;
    room.onJoined(() => joined++);
    await room.joined;
    await server.push.toRoom('r', 'n', 1);
    await heard.count(1);
    expect(joined).toBe(1);
    const back = nextEvent(socket, 'connect');
    socket.io.engine.close();
    await back;
    expect(socket.recovered).toBe(true);
    expect(joined).toBe(2);
    // The server has forgotten the session.
    socket.disconnect().connect();
    await expect.poll(() => joined).toBe(3);
    expect(socket.recovered).toBe(false);
  });

  test('what cannot be given after a reconnect is told as a gap', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({ history: { count: 2 } });
    const socket = await connectTo(server, 'ann', { reconnection: true, reconnectionDelay: 10 });
    const room = clientOf(socket).join('r');
    const heard = gather<number>(room, 'n');
    await room.joined;
    await server.push.toRoom('r', 'n', 1);
    await heard.count(1);
    const after = room.position;
    socket.disconnect();
    for (const n of [2, 3, 4, 5]) await server.push.toRoom('r', 'n', n);
    const gap = new Promise((resolve) => room.onGap(resolve));
    socket.connect();
    expect(await gap).toEqual({ room: 'r', after, position: { epoch: after?.epoch, offset: 5 } });
  });

  test('a position that was kept elsewhere is gone on from', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const store = await nodes.openStore();
    const { epoch } = await appendUnheard(store, 'r', 'n', 1);
    await appendUnheard(store, 'r', 'n', 2);
    const room = clientOf(await connectTo(server, 'ann')).join('r', { from: { epoch, offset: 1 } });
    const heard = gather<number>(room, 'n');
    expect((await room.joined).recovered).toBe(true);
    expect(heard.all).toEqual([2]);
  });

  test('a refused room rejects with its code', async () => {
    const nodes = await startNodes();
    const server = await nodes.start({}, { canJoin: () => false });
    const room = clientOf(await connectTo(server, 'ann')).join('r');
    await expect(room.joined).rejects.toMatchObject({ code: 'join_refused' } satisfies Partial<GopushError>);
  });

  test('a room tells that it is lost, at the first join or after a reconnect', async () => {
    const nodes = await startNodes();
    let isOpen = true;
    const server = await nodes.start({}, { canJoin: () => isOpen });
    const socket = await connectTo(server, 'ann');
    const client = clientOf(socket);
    const room = client.join('r');
    const lost = new Promise((resolve) => room.onLost(resolve));
    await room.joined;
    isOpen = false;
    socket.disconnect().connect();
    expect(await lost).toMatchObject({ code: 'join_refused' });
    const again = client.join('r');
    expect(again).not.toBe(room);
    expect(await new Promise((resolve) => again.onLost(resolve))).toMatchObject({ code: 'join_refused' });
  });

  test('the inbox gives each message once, and acknowledges it when it is handled', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(), await nodes.start()];
    const put = (id: string, ttlMs = 60_000) => one.push.toUser('ann', 'mail', id, { deliver: 'store', id, ttlMs });
    for (const id of ['a', 'b', 'c']) await put(id);
    expect(await put('a')).toMatchObject({ value: { state: 'duplicate' } });

    // Before it is connected: what waits comes at once.
    const first = openClient(one.url, 'websocket', { query: { uid: 'ann' } });
    const refusing = clientOf(first);
    const refused: string[] = [];
    await new Promise<void>((resolve) => {
      refusing.inbox(({ id }) => {
        refused.push(id);
        if (id === 'c') resolve();
        throw new Error('not now');
      });
    });
    first.disconnect();
    expect(refused).toEqual(['a', 'b', 'c']);
    const handled: string[] = [];
    await new Promise<void>((resolve) => {
      clientOf(openClient(two.url, 'websocket', { query: { uid: 'ann' } })).inbox(({ id, message }) => {
        handled.push(`${id}:${message}`);
        if (id === 'c') resolve();
      });
    });
    await expect.poll(async () => one.push.inbox.status('ann', 'c')).toEqual({ ok: true, value: 'acked' });
    expect(handled).toEqual(['a:a', 'b:b', 'c:c']);
    expect(await one.push.inbox.pending('ann', 10)).toEqual({ ok: true, value: [] });
  });

  test('a handler of the inbox also gets the messages that came before it', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const socket = await connectTo(server, 'ann', { reconnection: true, reconnectionDelay: 10 });
    const client = clientOf(socket);
    const put = (id: string) => server.push.toUser('ann', 'mail', id, { deliver: 'store', id });
    const first = nextEvent(socket, 'go:inbox');
    await put('a');
    await first;
    const handled: string[] = [];
    const off = client.inbox(({ id }) => handled.push(id));
    await expect.poll(() => server.push.inbox.pending('ann', 10)).toEqual({ ok: true, value: [] });
    expect(handled).toEqual(['a']);

    // After the end of its connection a message comes again, and is handled once.
    off();
    const second = nextEvent(socket, 'go:inbox');
    await put('b');
    await second;
    const again = nextEvent(socket, 'go:inbox');
    socket.io.engine.close();
    await again;
    client.inbox(({ id }) => handled.push(id));
    await expect.poll(() => server.push.inbox.pending('ann', 10)).toEqual({ ok: true, value: [] });
    expect(handled).toEqual(['a', 'b']);
  });
});

function clientOf(socket: Socket) {
  const client = createClient(socket);
  onTestFinished(client.close);
  return client;
}

function gather<T>(room: Room, event: string) {
  const all: T[] = [];
  let look = (): void => {};
  room.on<T>(event, (message) => {
    all.push(message);
    look();
  });
  return {
    all,
    count: (wanted: number) =>
      new Promise<T[]>((resolve) => {
        look = () => {
          if (all.length >= wanted) resolve(all);
        };
        look();
      }),
  };
}
