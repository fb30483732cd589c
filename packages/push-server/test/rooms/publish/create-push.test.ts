import { expect, test, vi } from 'vitest';
import { RoomBus } from '../../../src/rooms/bus/room-bus.ts';
import { createScopeOf } from '../../../src/rooms/names/product-scope.ts';
import { createPush, type PushParts } from '../../../src/rooms/publish/create-push.ts';
import { createPushCounts } from '../../../src/rooms/publish/push-counts.ts';
import { FakeBus } from '../fake-bus.ts';
import { FakeClients } from '../fake-clients.ts';

function start({ isolateProducts = true, isJoined = true } = {}) {
  const clients = new FakeClients();
  const counts = createPushCounts();
  const log = { debug() {}, info() {}, warn: vi.fn(), error: vi.fn() };
  const called: unknown[] = [];
  const call =
    (name: string) =>
    async (...args: unknown[]): Promise<undefined> =>
      void called.push([name, ...args]);
  const bus = new RoomBus(new FakeBus());
  const told: unknown[] = [];
  bus.tellEnd = (uid) => void told.push(['end', uid]);
  bus.tellMove = (...args) => void told.push(['move', ...args]);
  const push = createPush({
    rooms: { publish: call('toRoom') },
    users: { publish: call('toUser') },
    stored: { history: call('history'), pending: call('pending') },
    roomPresence: { all: call('presence.room'), page: call('presence.page') },
    presence: { user: call('presence.user') },
    inbox: { status: call('status'), ack: call('ack') },
    clients,
    bus,
    isJoined: () => isJoined,
    scopeOf: createScopeOf(isolateProducts),
    isolateProducts,
    counts,
    log,
  } as unknown as PushParts);
  return { push, called, told, clients, counts, log };
}

test('rooms and users of a product begin with its scope, and those of the default product with none', async () => {
  const { push, called, told, clients } = start();
  const scope = createScopeOf(true)('game');
  for (const one of [push, push.of('game')]) {
    await one.toRoom('den', 'news', 1);
    await one.toUser('ann', 'news', 1, { id: 'k' });
    await one.history('den', 5, 10);
    await one.presence.page('den', { limit: 3, after: 'bob' });
    await one.presence.user('ann');
    await one.inbox.ack('ann', ['k']);
    one.disconnectUser('ann');
    one.moveUser('ann', 'den', 'leave');
  }
  const inScope = (prefix: string): unknown[] => [
    ['toRoom', `r:${prefix}den`, 'news', 1, {}],
    ['toUser', `${prefix}ann`, 'news', 1, { id: 'k' }],
    ['history', `r:${prefix}den`, 5, 10],
    ['presence.page', `r:${prefix}den`, 3, 'bob'],
    ['presence.user', `${prefix}ann`],
    ['ack', `${prefix}ann`, ['k']],
  ];
  expect(called).toEqual([...inScope(''), ...inScope(scope)]);
  expect(clients.disconnected).toEqual(['u:ann', `u:${scope}ann`]);
  expect(told.slice(2)).toEqual([
    ['end', `${scope}ann`],
    ['move', `${scope}ann`, 'den', 'leave'],
  ]);
});

test('an event to all reaches all products from the plain push, and one product from its own', () => {
  const { push, clients, counts } = start();
  expect(push.toAll('news', 1)).toEqual({});
  push.of('game').toAll('news', 1);
  push.of('default').toAll('news', 1);
  expect(clients.toAll.map(({ room }) => room)).toEqual([undefined, 'p:game', 'p:default']);
  expect(counts.published).toBe(3);
  const shared = start({ isolateProducts: false, isJoined: false });
  expect(shared.push.of('game').toAll('news', 1)).toEqual({ partial: true });
  expect(shared.clients.toAll[0]?.room).toBeUndefined();
});

test('a message to all that is nested too deeply is logged and not sent', () => {
  const { push, clients, log } = start();
  let deep: unknown = 1;
  for (let level = 0; level < 130; level++) deep = [deep];
  push.toAll('news', deep);
  expect(clients.toAll).toEqual([]);
  expect(log.error).toHaveBeenCalledOnce();
});

test('invalid names do nothing, and an unknown option is a TypeError', async () => {
  const { push, called, told, clients, log } = start();
  expect(await push.toRoom('a\nb', 'news', 1)).toMatchObject({ failure: { code: 'room_invalid' } });
  expect(await push.toRoom('den', 'disconnect', 1)).toMatchObject({ failure: { code: 'event_invalid' } });
  expect(await push.toUser('', 'news', 1)).toMatchObject({ failure: { code: 'payload_invalid' } });
  push.toAll('disconnect', 1);
  push.disconnectSocket('r:den');
  push.moveUser('ann', '', 'join');
  expect([called, told, clients.toAll, clients.disconnected]).toEqual([[], [], [], []]);
  expect(log.warn).toHaveBeenCalledTimes(3);
  expect(() => push.toRoom('den', 'news', 1, { exept: 'x' } as never)).toThrow(TypeError);
});
