import { expect, test, vi } from 'vitest';
import { decodeBusMessage, encodeBusMessage, type RoomMessage } from '../../../src/rooms/bus/bus-message.ts';
import { noEvents } from '../../../src/rooms/bus/node-events.ts';
import { RoomBus } from '../../../src/rooms/bus/room-bus.ts';
import { FakeBus } from '../fake-bus.ts';

const log = { debug() {}, info() {}, warn() {}, error: vi.fn() };

function start() {
  const bus = new FakeBus();
  const rooms = new RoomBus(bus);
  const received: RoomMessage[] = [];
  const gap = vi.fn();
  rooms.start({ receive: (message) => received.push(message), gap }, log);
  const told: unknown[] = [];
  const tell =
    (what: string) =>
    (...args: unknown[]): void =>
      void told.push([what, ...args]);
  rooms.listen({
    onGap: tell('gap'),
    onInbox: tell('inbox'),
    onMove: tell('move'),
    onEnd: tell('end'),
    onBack: tell('back'),
    onTaken: tell('taken'),
  });
  const sent = (): unknown[] => bus.sent.map(({ to, payload }) => [to, decodeBusMessage(payload)]);
  return { bus, rooms, received, gap, told, sent };
}

test('a room of clients goes to those that follow it, a user to the given nodes, and never to this one', () => {
  const { rooms, sent } = start();
  rooms.tellRoom('r:den', ['known', 'r:den', { epoch: 'e', offset: 1 }], undefined);
  rooms.tellRoom('u:ann', ['known', 'u:ann', { epoch: 'e', offset: 1 }], ['one', 'this node', 'two']);
  rooms.tellRoom('u:ann', ['known', 'u:ann', { epoch: 'e', offset: 1 }], undefined);
  expect(sent().map((one) => (one as unknown[])[0])).toEqual(['followers of r:den', 'one', 'two', 'all']);
});

test('only rooms of clients are followed: messages to a user are sent to the nodes that have the user', async () => {
  const { bus, rooms } = start();
  await rooms.follow('r:den', () => {});
  await rooms.follow('u:ann', () => {});
  expect(bus.followed).toEqual(['r:den']);
  rooms.unfollow('u:ann');
  rooms.unfollow('r:den');
  expect(bus.followed).toEqual([]);
});

test('what happens to a user is told to this node and to others', () => {
  const { rooms, told, sent } = start();
  rooms.tellInbox('ann', ['one', 'this node']);
  rooms.tellMove('ann', 'den', 'leave');
  rooms.tellEnd('ann');
  expect(told).toEqual([
    ['inbox', 'ann'],
    ['move', 'ann', 'den', 'leave'],
    ['end', 'ann'],
  ]);
  expect(sent()).toEqual([
    ['one', ['inbox', 'ann']],
    ['all', ['move', 'ann', 'den', 'leave']],
    ['all', ['end', 'ann']],
  ]);
});

test('a session that this very node gave is taken without the bus, and others are told together at the end of the turn', async () => {
  const { rooms, told, sent } = start();
  rooms.tellTaken('this node', 'socket');
  rooms.tellTaken('another', 'socket');
  await undefined;
  rooms.tellTaken('third', 'more');
  expect(told).toEqual([['taken', 'socket']]);
  expect(sent()).toEqual([]);
  await new Promise(setImmediate);
  expect(sent()).toEqual([
    ['another', ['taken', 'socket']],
    ['third', ['taken', 'more']],
  ]);
});

test('messages of rooms reach rooms, and notices the listener', () => {
  const { bus, received, told, gap } = start();
  for (const message of [
    ['live', 'r:den', Buffer.from('x'), false],
    ['known', 'r:den', { epoch: 'e', offset: 1 }],
    ['inbox', 'ann'],
    ['move', 'ann', 'den', 'join'],
    ['end', 'ann'],
    ['back', ['one', 'two']],
    ['taken', 'socket'],
  ] as const)
    bus.receive(encodeBusMessage(message));
  expect(received.map(([kind]) => kind)).toEqual(['live', 'known']);
  expect(told).toEqual([
    ['inbox', 'ann'],
    ['move', 'ann', 'den', 'join'],
    ['end', 'ann'],
    ['back', 'one'],
    ['back', 'two'],
    ['taken', 'socket'],
  ]);
  bus.gap();
  expect(gap).toHaveBeenCalledOnce();
  expect(told.at(-1)).toEqual(['gap']);
});

test('bytes of something else, and a listener that throws, are logged and end nothing', () => {
  const { bus, rooms, received } = start();
  bus.receive(Buffer.from('garbage'));
  bus.receive(encodeBusMessage(['unheard of', 1] as never));
  rooms.listen({
    ...noEvents,
    onEnd() {
      throw new Error('no');
    },
  });
  bus.receive(encodeBusMessage(['end', 'ann']));
  expect(log.error).toHaveBeenCalledTimes(2);
  bus.receive(encodeBusMessage(['known', 'r:den', { epoch: 'e', offset: 1 }]));
  expect(received).toHaveLength(1);
});

const bytes = Buffer.from('bytes');
const odd = [
  null,
  5,
  {},
  [],
  [5],
  ['kept', 'r:den', 'epoch', '1', 1, bytes],
  ['kept', 'r:den', 'epoch', 1e300, 1, bytes],
  ['kept', 'r:den', 'epoch', -1, 1, bytes],
  ['kept', 'r:den', 5, 1, 1, bytes],
  ['kept', 'r:den', 'epoch', 1, 1, 'text'],
  ['kept', null, 'epoch', 1, 1, bytes],
  ['live', 'r:den', 'text', false],
  ['known', 'r:den', null],
  ['known', 'r:den', { epoch: 'epoch', offset: Number.NaN }],
  ['inbox', {}],
  ['move', 'ann', 5, 'join'],
  ['move', 'ann', 'den', 'stay'],
  ['end', null],
  ['back', 'pid'],
  ['back', [5]],
  ['taken'],
];

test.each(odd.map((one) => [one]))('a message that no push-server sends is not taken: %j', (message) => {
  const { bus, received, told } = start();
  log.error.mockClear();
  bus.receive(encodeBusMessage(message as never));
  expect([received, told]).toEqual([[], []]);
  expect(log.error).toHaveBeenCalledOnce();
});

test('a kind of message that a later version has is ignored', () => {
  const { bus, received, told } = start();
  log.error.mockClear();
  bus.receive(encodeBusMessage(['later', 5] as never));
  expect([received, told, log.error.mock.calls]).toEqual([[], [], []]);
});
