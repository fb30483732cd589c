import { createConfig } from '@gopush/contract';
import { StoreError } from '@gopush/store';
import { expect, test, vi } from 'vitest';
import { decodeBusMessage } from '../../../src/rooms/bus/bus-message.ts';
import { RoomBus } from '../../../src/rooms/bus/room-bus.ts';
import { RoomDelivery } from '../../../src/rooms/delivery/room-delivery.ts';
import { createPushCounts } from '../../../src/rooms/publish/push-counts.ts';
import { RoomPublisher } from '../../../src/rooms/publish/room-publisher.ts';
import { RoomStreams } from '../../../src/rooms/stream/room-streams.ts';
import { FakeBus } from '../fake-bus.ts';
import { FakeClients } from '../fake-clients.ts';
import { encode, MemoryHistory } from '../memory-history.ts';

const room = 'r:den';

function start() {
  const history = new MemoryHistory();
  const bus = new FakeBus();
  const clients = new FakeClients();
  const counts = createPushCounts();
  const log = { debug() {}, info() {}, warn() {}, error: vi.fn() };
  const state = { isStoreUp: true, isJoined: true, limit: 100 };
  const delivery = new RoomDelivery({
    clients,
    node: 'this node',
    keepKeysMs: 60_000,
    senders: false,
    counts,
    onUndecodable() {},
    log,
  });
  const streams = new RoomStreams(history.store, {
    follow: async () => {},
    unfollow() {},
    turn: () => delivery.deliveredKeys.turn,
    deliver: (members, message, position) => delivery.deliver(members, message, position),
    undeliverable() {},
    gap() {},
    began() {},
    ended() {},
    failed() {},
    cameBack() {},
  });
  const published: unknown[] = [];
  const { history: limits } = createConfig({}).pushServer;
  const store = history.store;
  const publisher = new RoomPublisher({
    history: store,
    isStoreUp: () => state.isStoreUp,
    isJoined: () => state.isJoined,
    get limits() {
      return { ...limits, count: state.limit };
    },
    streams,
    delivery,
    bus: new RoomBus(bus),
    counts,
    onPublished: (_room, { message }, position) => void published.push([message, position?.offset ?? null]),
    log,
  });
  const told = (): unknown[] => bus.sent.map(({ to, payload }) => [to, decodeBusMessage(payload)[0]]);
  return { publisher, history, store, clients, streams, delivery, counts, published, told, state, log };
}

test('a kept message goes to members here, to the nodes that follow the room, and to webhooks', async () => {
  const { publisher, streams, clients, told, published, counts } = start();
  await streams.join(room, 'one', undefined, () => {});
  expect(await publisher.publish(room, 'news', 1, {})).toMatchObject({
    value: { position: { epoch: 'e', offset: 1 }, duplicate: false },
  });
  expect(clients.emitted).toHaveLength(1);
  expect(told()).toEqual([[`followers of ${room}`, 'kept']]);
  expect(published).toEqual([[1, 1]]);
  expect(counts).toMatchObject({ published: 1, kept: 1, notKept: 0 });
});

test('a message with an id that is kept already is not sent again, but others are told where it is', async () => {
  const { publisher, told, published } = start();
  await publisher.publish(room, 'news', 1, { id: 'the key' });
  expect(await publisher.publish(room, 'news', 1, { id: 'the key' })).toMatchObject({
    value: { position: { offset: 1 }, duplicate: true },
  });
  expect(told()).toEqual([
    [`followers of ${room}`, 'kept'],
    [`followers of ${room}`, 'known'],
  ]);
  expect(published).toHaveLength(1);
});

test('while the store is down, a message is delivered unkept once for each id, and sent again: others may have missed it', async () => {
  const { publisher, state, clients, told, counts, published } = start();
  state.isStoreUp = false;
  expect(await publisher.publish(room, 'news', 1, { id: 'k' })).toMatchObject({
    value: { position: null, duplicate: false },
  });
  state.isJoined = false;
  expect(await publisher.publish(room, 'news', 1, { id: 'k' })).toMatchObject({
    value: { duplicate: true, partial: true },
  });
  expect(clients.emitted).toHaveLength(1);
  expect(told()).toEqual([
    [`followers of ${room}`, 'live'],
    [`followers of ${room}`, 'live'],
  ]);
  expect(published).toEqual([[1, null]]);
  expect(counts).toMatchObject({ kept: 0, notKept: 2, repeated: 1 });
});

test('what must be kept and cannot be is not sent', async () => {
  const { publisher, history, state, clients } = start();
  history.isAway = true;
  state.isStoreUp = false;
  expect(await publisher.publish(room, 'news', 1, { keep: 'must' })).toMatchObject({
    failure: { code: 'not_durable' },
  });
  state.limit = 0;
  expect(await publisher.publish(room, 'news', 1, { keep: 'must' })).toMatchObject({
    failure: { code: 'not_durable' },
  });
  expect(clients.emitted).toHaveLength(0);
});

test('a message that may have been kept is not sent as well: members would get it twice', async () => {
  const { publisher, store, clients } = start();
  vi.spyOn(store, 'append').mockRejectedValueOnce(new StoreError('store_down', 'no answer'));
  expect(await publisher.publish(room, 'news', 1, {})).toMatchObject({ failure: { code: 'not_durable' } });
  expect(clients.emitted).toHaveLength(0);
  vi.spyOn(store, 'append').mockRejectedValueOnce(new Error('it was not'));
  expect(await publisher.publish(room, 'news', 1, {})).toMatchObject({ value: { position: null } });
  expect(clients.emitted).toHaveLength(1);
});

test('a message that was certainly not kept is sent to those who are there', async () => {
  const { publisher, store, clients } = start();
  vi.spyOn(store, 'append').mockRejectedValueOnce(new StoreError('store_down', 'never begun', { isUndone: true }));
  expect(await publisher.publish(room, 'news', 1, {})).toMatchObject({ value: { position: null } });
  expect(clients.emitted).toHaveLength(1);
});

test('a result tells where only clients of this push-server were reached', async () => {
  const { publisher, state } = start();
  state.isJoined = false;
  expect(await publisher.publish(room, 'news', 1, { keep: 'no' })).toEqual({
    ok: true,
    value: { position: null, duplicate: false, partial: true },
  });
});

test('a user goes to the nodes that are found; where they cannot be, a kept message goes to all', async () => {
  const { publisher, told } = start();
  const publication = { event: 'news', message: 1, except: undefined, sender: undefined };
  await publisher.send('u:ann', publication, {}, async () => ['one', 'two']);
  expect(told()).toEqual([
    ['one', 'kept'],
    ['two', 'kept'],
  ]);
  const failed = async (): Promise<never> => {
    throw new Error('no');
  };
  expect(await publisher.send('u:ann', publication, {}, failed)).toMatchObject({ ok: true });
  expect(told().at(-1)).toEqual(['all', 'kept']);
});

test('a message that cannot be encoded fails, and a fault of the parts does not reject', async () => {
  const { publisher, delivery, log } = start();
  expect(await publisher.publish(room, 'news', 1n, {})).toMatchObject({ failure: { code: 'payload_invalid' } });
  vi.spyOn(delivery, 'deliverUnkept').mockImplementation(() => {
    throw new Error('no');
  });
  expect(await publisher.publish(room, 'news', 1, { keep: 'no' })).toMatchObject({ failure: { code: 'internal' } });
  expect(log.error).toHaveBeenCalledOnce();
});

test('messages of other nodes reach members', async () => {
  const { publisher, streams, clients, history } = start();
  await streams.join(room, 'one', undefined, () => {});
  const { offset, at, payload } = history.add();
  publisher.receive(['kept', room, 'e', offset, at, payload]);
  publisher.receive(['live', room, encode({ event: 'live' }), false]);
  history.add({ event: 'known' });
  publisher.receive(['known', room, { epoch: 'e', offset: 2 }]);
  await expect.poll(() => clients.emitted.map(({ event }) => event.event)).toEqual(['news', 'live', 'known']);
});
