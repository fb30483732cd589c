import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { call, startApis } from '../../../../../test/support/api.ts';
import { listenerKinds } from '../../../../../test/support/listeners.ts';
import { connectTo } from '../../../../../test/support/nodes.ts';

const kinds = Object.keys(listenerKinds) as (keyof typeof listenerKinds)[];
const game = { extraHeaders: { 'x-gopush-product': 'game' } };
const isolated = { pushServer: { isolateProducts: true } };

/** The identity that an agent gives. */
const identityOf = (uid: string, product: string) => ({ 'x-gopush-uid': uid, 'x-gopush-product': product });

test.each(kinds)('over %s a listener hears rooms and users of its own product alone', async (kind) => {
  const [server] = (await startApis(1, isolated)) as [PushServer];
  const listen = listenerKinds[kind];
  const byKey = await listen(server, 'room=lobby&user=ann&product=game');
  const ofAll = await listen(server, 'room=lobby&user=ann');
  const byIdentity = await listen(server, 'room=lobby&user=ann', identityOf('ann', 'game'));
  // A product in the query is the client's own word.
  const claiming = await listen(server, 'room=lobby&user=ann&product=game', identityOf('ann', 'default'));
  const all = [byKey, ofAll, byIdentity, claiming];
  for (const listener of all) expect((await listener.next()).data).toEqual({ rooms: ['lobby'], users: ['ann'] });
  // In turns, so that each hears its own first if nothing of the other product reaches it.
  const say = (product: string, message: string) =>
    Promise.all([
      call(server, `POST /rooms/lobby/publish?product=${product}`, { event: 'e', message }),
      call(server, `POST /users/ann/publish?product=${product}`, { event: 'e', message }),
    ]);
  await say('game', 'of game');
  await say('default', 'of default');
  const heard = await Promise.all(
    all.map(async (listener) => [(await listener.next()).data.message, (await listener.next()).data.message]),
  );
  expect(heard).toEqual(['of game', 'of default', 'of game', 'of default'].map((message) => [message, message]));
  const { body } = await call(server, 'GET /users/ann/presence?product=game');
  expect(body).toMatchObject({ devices: 2 });
});

test.each(kinds)('over %s the id of an event of one product leads to nothing of another one', async (kind) => {
  const [server] = (await startApis(1, isolated)) as [PushServer];
  const listen = listenerKinds[kind];
  const publish = (product: string, message: number) =>
    call(server, `POST /rooms/lobby/publish?product=${product}`, { event: 'e', message });
  await publish('game', 1);
  const before = await listen(server, 'room=lobby&product=game');
  const { id } = await before.next();
  before.close();
  await publish('game', 2);
  await publish('default', 3);
  const other = await listen(server, `room=lobby&lastEventId=${encodeURIComponent(id)}`, identityOf('eve', 'default'));
  expect((await other.next()).type).toBe('ready');
  await publish('default', 4);
  expect((await other.next()).data.message).toBe(4);
});

test.each(kinds)('over %s a listener is told by the server who published a message', async (kind) => {
  const [server] = (await startApis(1, { pushServer: { senders: true, isolateProducts: true } })) as [PushServer];
  const eve = await connectTo(server, 'eve', game);
  await eve.emitWithAck('go:join', 'r');
  const first = await listenerKinds[kind](server, 'room=r&product=game');
  const { id } = await first.next();
  await eve.emitWithAck('go:publish', { room: 'r', event: 'e', message: 1, sender: 'admin', id: 'order-17' });
  const byClient = { room: 'r', event: 'e', message: 1, sender: 'eve', messageId: 'order-17' };
  expect((await first.next()).data).toMatchObject(byClient);
  await eve.emitWithAck('go:publish', { room: 'r', event: 'e', message: 2, volatile: true, sender: 'admin' });
  expect((await first.next()).data).toEqual({ room: 'r', event: 'e', message: 2, sender: 'eve', position: null });
  await eve.emitWithAck('room', { room: 'r', event: 'e', message: 3, sender: 'admin' });
  expect((await first.next()).data).toMatchObject({ message: { message: 3, sender: 'eve' }, sender: 'eve' });
  await call(server, 'POST /rooms/r/publish?product=game', { event: 'e', message: 4 });
  expect((await first.next()).data).not.toHaveProperty('sender');
  await call(server, 'POST /rooms/r/publish?product=game', { event: 'e', message: 5, sender: 'bob' });
  expect((await first.next()).data).toMatchObject({ message: 5, sender: 'bob' });
  // From the history as well.
  const back = await listenerKinds[kind](server, `room=r&product=game&lastEventId=${encodeURIComponent(id)}`);
  expect((await back.next()).data).toMatchObject(byClient);
  expect((await back.next()).data).toMatchObject({ message: { sender: 'eve' }, sender: 'eve' });
});
