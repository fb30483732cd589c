import type { ConfigInput } from '@gopush/contract';
import type { PushServer } from '@gopush/push-server';
import { expect, test } from 'vitest';
import { connectTo, startNodes } from '../../../../test/support/nodes.ts';
import { startReceiver } from '../support/webhook-receiver.ts';

const everything: NonNullable<ConfigInput['webhooks']>[number]['events'] = [
  'connect',
  'disconnect',
  'room_occupied',
  'room_empty',
  'message',
];
const gameHeaders = { extraHeaders: { 'x-gopush-product': 'game' } };

/** Push-servers of one store that tell one receiver the events of these types. */
async function startTelling(events: typeof everything, pushServer: ConfigInput['pushServer'], count = 1) {
  const receiver = await startReceiver();
  const nodes = await startNodes('embedded store');
  const webhooks = [{ url: receiver.url, secret: 'a secret of the receiver', events }];
  const servers: PushServer[] = [];
  for (let index = 0; index < count; index++) servers.push(await nodes.start(pushServer, undefined, { webhooks }));
  /** The next events without what differs from run to run. */
  const told = async (wanted: number) =>
    (await receiver.events(wanted)).map(({ id: _id, at: _at, node: _node, position, ...event }) => ({
      ...event,
      ...(position === undefined ? {} : { isKept: position !== null }),
    }));
  return { servers, told };
}

test('webhooks are told of which product a user and a room are, and the same names of two products apart', async () => {
  const { servers, told } = await startTelling(everything, { isolateProducts: true });
  const [server] = servers as [PushServer];
  const ann = await connectTo(server, 'ann');
  expect(await told(1)).toEqual([{ type: 'connect', uid: 'ann' }]);
  const other = await connectTo(server, 'ann', gameHeaders);
  expect(await told(1)).toEqual([{ type: 'connect', uid: 'ann', product: 'game' }]);
  await ann.emitWithAck('go:join', 'lobby');
  expect(await told(1)).toEqual([{ type: 'room_occupied', room: 'lobby', uid: 'ann' }]);
  await other.emitWithAck('go:join', 'lobby');
  expect(await told(1)).toEqual([{ type: 'room_occupied', room: 'lobby', uid: 'ann', product: 'game' }]);
  await other.emitWithAck('go:publish', { room: 'lobby', event: 'chat', message: 1 });
  expect(await told(1)).toEqual([
    { type: 'message', room: 'lobby', product: 'game', event: 'chat', message: 1, isKept: true },
  ]);
  await server.push.of('game').toUser('ann', 'news', 2);
  expect(await told(1)).toEqual([
    { type: 'message', user: 'ann', product: 'game', event: 'news', message: 2, isKept: true },
  ]);
  await server.push.toUser('ann', 'news', 3);
  expect(await told(1)).toEqual([{ type: 'message', user: 'ann', event: 'news', message: 3, isKept: true }]);
  await other.emitWithAck('go:leave', 'lobby');
  expect(await told(1)).toEqual([{ type: 'room_empty', room: 'lobby', uid: 'ann', product: 'game' }]);
  other.disconnect();
  expect(await told(1)).toEqual([{ type: 'disconnect', uid: 'ann', product: 'game' }]);
  ann.disconnect();
  for (const event of await told(2)) expect(event).not.toHaveProperty('product');
});

test('webhooks are told who published a message by the server, whatever the client wrote', async () => {
  const { servers, told } = await startTelling(['message'], { senders: true });
  const [server] = servers as [PushServer];
  const eve = await connectTo(server, 'eve');
  await eve.emitWithAck('go:join', 'r');
  await eve.emitWithAck('go:publish', { room: 'r', event: 'chat', message: 1, sender: 'admin' });
  expect(await told(1)).toMatchObject([{ message: 1, sender: 'eve', isKept: true }]);
  await eve.emitWithAck('go:publish', { room: 'r', event: 'chat', message: 2, volatile: true, sender: 'admin' });
  expect(await told(1)).toMatchObject([{ message: 2, sender: 'eve', isKept: false }]);
  // The form of gopush 0.1.
  await eve.emitWithAck('room', { room: 'r', event: 'chat', message: 'hi', sender: 'admin' });
  expect(await told(1)).toMatchObject([{ message: { message: 'hi', sender: 'eve' }, sender: 'eve' }]);
  await server.push.toRoom('r', 'chat', 3);
  expect((await told(1))[0]).not.toHaveProperty('sender');
  await server.push.toRoom('r', 'chat', 4, { sender: 'bob' });
  expect(await told(1)).toMatchObject([{ message: 4, sender: 'bob' }]);
});

test('webhooks are told the id of a message as its publisher gave it, also where it is published again to be kept', async () => {
  const { servers, told } = await startTelling(['message'], {}, 2);
  const [one, two] = servers as [PushServer, PushServer];
  const eve = await connectTo(one, 'eve');
  await eve.emitWithAck('go:join', 'r');
  await eve.emitWithAck('go:publish', { room: 'r', event: 'chat', message: 1, id: 'order-17' });
  expect(await told(1)).toMatchObject([{ messageId: 'order-17', message: 1, isKept: true }]);
  await one.push.toRoom('r', 'chat', 2, { id: 'order-18', keep: 'no' });
  expect(await told(1)).toMatchObject([{ messageId: 'order-18', isKept: false }]);
  // The other push-server has no member of the room, so it cannot know.
  await two.push.toRoom('r', 'chat', 2, { id: 'order-18' });
  expect(await told(1)).toMatchObject([{ messageId: 'order-18', isKept: true }]);
  // A repeat of a stored message is not reported.
  await two.push.toRoom('r', 'chat', 2, { id: 'order-18' });
  await two.push.toUser('eve', 'chat', 3, { id: 'order-19' });
  expect(await told(1)).toMatchObject([{ messageId: 'order-19', user: 'eve' }]);
  await one.push.toRoom('r', 'chat', 4);
  expect((await told(1))[0]).not.toHaveProperty('messageId');
});
