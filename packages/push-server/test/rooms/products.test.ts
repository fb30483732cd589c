import type { Socket } from 'socket.io-client';
import { expect, test } from 'vitest';
import { connectTo, describeNodes } from '../../../../test/support/nodes.ts';
import { nextEvent } from '../../../../test/support/socket-io.ts';

const on = { isolateProducts: true, presenceEvents: true } as const;
const gameHeaders = { extraHeaders: { 'x-gopush-product': 'game' } };

/** Every event of a name that comes from now on. */
function gather(socket: Socket, event: string): unknown[] {
  const all: unknown[] = [];
  socket.on(event, (message: unknown) => all.push(message));
  return all;
}

describeNodes('products that are isolated', (startNodes) => {
  test('a room of one product is not that of another, live, in the history and in presence, over all nodes', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(on), await nodes.start(on)];
    const ann = await connectTo(one, 'ann');
    const [bob, eve] = [await connectTo(two, 'bob', gameHeaders), await connectTo(one, 'eve', gameHeaders)];
    const [hers, his] = [gather(ann, 'chat'), gather(bob, 'chat')];
    for (const socket of [ann, bob, eve])
      expect(await socket.emitWithAck('go:join', 'lobby')).toMatchObject({ ok: true });
    const heard = nextEvent(bob, 'chat');
    await ann.emitWithAck('go:publish', { room: 'lobby', event: 'chat', message: 'for default' });
    await eve.emitWithAck('room', { room: 'lobby', event: 'chat', message: 'for game' });
    await heard;
    await one.push.of('game').toRoom('lobby', 'chat', 'by a program');
    await expect.poll(() => his.length).toBe(2);
    expect(his).toEqual([{ room: 'lobby', event: 'chat', message: 'for game' }, 'by a program']);
    expect(hers).toEqual([]);
    const users = async (socket: Socket): Promise<unknown> =>
      ((await socket.emitWithAck('go:presence', { room: 'lobby' })) as { users: unknown }).users;
    await expect
      .poll(() => users(bob))
      .toEqual([
        { uid: 'bob', devices: 1 },
        { uid: 'eve', devices: 1 },
      ]);
    expect(await users(ann)).toEqual([{ uid: 'ann', devices: 1 }]);
    const history = await two.push.of('game').history('lobby', 0, 10);
    expect(history.ok && history.value.messages.length).toBe(2);
    // Neither the name of the other product nor the sign that ends a scope leads into another product's room.
    for (const room of ['lobby\u001flobby', 'game\u001flobby'])
      expect(await ann.emitWithAck('go:join', room)).toMatchObject({ error: { code: 'room_invalid' } });
  });

  test('the same uid in two products is two users: push, inbox, presence, end of connections', async () => {
    const nodes = await startNodes();
    const server = await nodes.start(on);
    const [ann, other] = [await connectTo(server, 'ann'), await connectTo(server, 'ann', gameHeaders)];
    const game = server.push.of('game');
    const [hers, others] = [gather(ann, 'news'), gather(other, 'news')];
    expect(await game.toUser('ann', 'news', 1)).toMatchObject({ value: { state: 'sent', devices: 1 } });
    await expect.poll(() => others).toEqual([1]);
    const waits = nextEvent(ann, 'go:inbox');
    await server.push.toUser('ann', 'letter', 2, { deliver: 'store' });
    expect(await waits).toMatchObject({ event: 'letter', message: 2 });
    expect(await game.inbox.pending('ann', 10)).toMatchObject({ value: [] });
    const ended = nextEvent(other, 'disconnect');
    game.disconnectUser('ann');
    await ended;
    expect(ann.connected).toBe(true);
    expect(hers).toEqual([]);
    await expect.poll(() => game.presence.user('ann')).toMatchObject({ value: { devices: 0 } });
    expect(await server.push.presence.user('ann')).toMatchObject({ value: { devices: 1 } });
  });

  test('what is published to everyone of a product reaches nobody else', async () => {
    const nodes = await startNodes();
    const [one, two] = [await nodes.start(on), await nodes.start(on)];
    const [ann, bob] = [await connectTo(one, 'ann'), await connectTo(two, 'bob', gameHeaders)];
    const [hers, his] = [gather(ann, 'news'), gather(bob, 'news')];
    one.push.of('game').toAll('news', 'game');
    one.push.of('default').toAll('news', 'default');
    one.push.toAll('news', 'all');
    await expect
      .poll(() => [hers, his])
      .toEqual([
        ['default', 'all'],
        ['game', 'all'],
      ]);
  });

  test('a name that a hook passes on from a client leads to no room and no user of another product', async () => {
    const nodes = await startNodes();
    const server = await nodes.start(on);
    const ann = await connectTo(server, 'ann', gameHeaders);
    await ann.emitWithAck('go:join', 'lobby');
    const heard: unknown[][] = [];
    ann.onAny((...args: unknown[]) => heard.push(args));
    const { push } = server;
    const [lobby, user] = ['game\u001flobby', 'game\u001fann'];
    expect(await push.toRoom(lobby, 'chat', 'crossed')).toMatchObject({ failure: { code: 'room_invalid' } });
    expect(await push.history(lobby, 0, 10)).toMatchObject({ failure: { code: 'room_invalid' } });
    expect(await push.presence.room(lobby)).toMatchObject({ failure: { code: 'room_invalid' } });
    expect(await push.presence.page(lobby)).toMatchObject({ failure: { code: 'room_invalid' } });
    const refused = { failure: { code: 'payload_invalid' } };
    expect(await push.toUser(user, 'chat', 'crossed')).toMatchObject(refused);
    expect(await push.toUser(user, 'chat', 'crossed', { deliver: 'store' })).toMatchObject(refused);
    expect(await push.presence.user(user)).toMatchObject(refused);
    expect(await push.inbox.pending(user, 10)).toMatchObject(refused);
    expect(await push.inbox.ack(user, ['1'])).toMatchObject(refused);
    expect(await push.inbox.status(user, '1')).toMatchObject(refused);
    push.disconnectUser(user);
    push.moveUser(user, 'lobby', 'leave');
    push.moveUser('ann', 'game\u001fother', 'join');
    // Names of rooms inside the push-server.
    for (const id of ['p:game', `u:${user}`, `r:${lobby}`]) push.disconnectSocket(id);
    await push.of('game').toRoom('lobby', 'chat', 'its own');
    await expect.poll(() => heard).toContainEqual(['chat', 'its own']);
    expect(heard.filter(([event]) => event === 'chat')).toHaveLength(1);
    expect(ann.connected).toBe(true);
  });

  test('an event that no client can be given is refused, and takes no place in a history', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const ann = await connectTo(server, 'ann');
    await ann.emitWithAck('go:join', 'lobby');
    const gaps = gather(ann, 'go:gap');
    const closings = gather(ann, 'go:closing');
    for (const event of ['connect', 'disconnect', 'newListener', 'go:closing', '', 'a\u0000', 5, undefined])
      expect(await server.push.toRoom('lobby', event as string, 1)).toMatchObject({
        failure: { code: 'event_invalid' },
      });
    server.push.toAll('connect', 1);
    expect(await server.push.toUser('ann', 'go:welcome', 1)).toMatchObject({ failure: { code: 'event_invalid' } });
    expect(await server.push.toRoom('lobby', 'chat', 1)).toMatchObject({ value: { position: { offset: 1 } } });
    expect([gaps, closings]).toEqual([[], []]);
    // Ids of a database may be numbers.
    expect(await server.push.toRoom(7 as never, 'chat', 1)).toMatchObject({ ok: true });
    expect(await server.push.toUser(7 as never, 'chat', 1)).toMatchObject({ ok: true });
  });

  test('a session goes on for its own user of its own product alone', async () => {
    const nodes = await startNodes();
    const server = await nodes.start(on);
    const ann = await connectTo(server, 'ann', gameHeaders);
    await ann.emitWithAck('go:join', 'lobby');
    const { id } = ann;
    const { _pid: pid, _lastOffset: offset } = ann as unknown as { _pid: string; _lastOffset: string };
    ann.io.engine.close();
    const thief = connectTo(server, 'ann', { auth: { pid, offset }, reconnection: false });
    await expect(thief.then((socket) => socket.id))
      .resolves.not.toBe(id)
      .catch(() => undefined);
    const back = await connectTo(server, 'ann', { auth: { pid, offset }, ...gameHeaders });
    expect(back.id).toBe(id);
  });

  test('without the setting products share rooms and users', async () => {
    const nodes = await startNodes();
    const server = await nodes.start();
    const [ann, bob] = [await connectTo(server, 'ann'), await connectTo(server, 'bob', gameHeaders)];
    await ann.emitWithAck('go:join', 'lobby');
    const heard = nextEvent(ann, 'chat');
    await bob.emitWithAck('room', { room: 'lobby', event: 'chat', message: 'hi' });
    expect(await heard).toMatchObject({ message: 'hi' });
  });
});
