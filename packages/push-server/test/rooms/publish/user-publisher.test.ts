import { createConfig, failed, type Published, success } from '@gopush/contract';
import type { InboxStore, PresenceStore, UserPresence } from '@gopush/store';
import { expect, test, vi } from 'vitest';
import { decodeBusMessage } from '../../../src/rooms/bus/bus-message.ts';
import { RoomBus } from '../../../src/rooms/bus/room-bus.ts';
import type { FindNodes, RoomPublisher } from '../../../src/rooms/publish/room-publisher.ts';
import { UserPublisher } from '../../../src/rooms/publish/user-publisher.ts';
import { FakeBus } from '../fake-bus.ts';
import { FakeClients } from '../fake-clients.ts';

function start() {
  const bus = new FakeBus();
  const clients = new FakeClients();
  const put = vi.fn(async (): Promise<{ seq: number; state: string }> => ({ seq: 1, state: 'stored' }));
  const user = vi.fn(async () => ({ devices: 2, nodes: ['one', 'two'] }) as unknown as UserPresence);
  const published: Published = { position: { epoch: 'e', offset: 1 }, duplicate: false };
  const sent: unknown[] = [];
  const state = { isPresenceFresh: true };
  const send = vi.fn(async (room: string, { id }: { id?: string }, how: object, find: FindNodes | undefined) => {
    sent.push([room, id, how, await find?.()]);
    return success(published);
  });
  const users = new UserPublisher({
    inbox: { put } as unknown as InboxStore,
    presence: { user } as unknown as PresenceStore,
    isPresenceFresh: () => state.isPresenceFresh,
    limits: createConfig({}).pushServer.inbox,
    rooms: { send } as unknown as RoomPublisher,
    clients,
    bus: new RoomBus(bus),
  });
  const told = (): unknown[] => bus.sent.map(({ to, payload }) => [to, decodeBusMessage(payload)]);
  return { users, put, user, send, sent, clients, told, state };
}

test('a message goes to the room of the user, on the nodes where presence knows the user', async () => {
  const { users, sent } = start();
  expect(await users.publish('ann', 'news', 1, { id: 'k', keep: 'must' })).toEqual(
    success({ id: 'k', state: 'sent', devices: 2 }),
  );
  expect(sent).toEqual([['u:ann', 'k', { keep: 'must' }, ['one', 'two']]]);
});

test('while presence cannot be read, the devices of this node count', async () => {
  const { users, user, sent, clients } = start();
  user.mockRejectedValue(new Error('the store is away'));
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ value: { state: 'offline', devices: 0 } });
  clients.counts.set('u:ann', 1);
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ value: { state: 'sent', devices: 1 } });
  expect(sent[0]).toEqual(['u:ann', undefined, {}, undefined]);
});

test('while presence cannot be written, what it says is not trusted: the message goes to all nodes', async () => {
  const { users, sent, clients, state } = start();
  state.isPresenceFresh = false;
  clients.counts.set('u:ann', 1);
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ value: { state: 'sent', devices: 1 } });
  expect(sent).toEqual([['u:ann', undefined, {}, undefined]]);
});

test('a duplicate, a partial delivery and a failure are passed on', async () => {
  const { users, send } = start();
  send.mockResolvedValueOnce(success({ position: null, duplicate: true }));
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ value: { state: 'duplicate', devices: 2 } });
  send.mockResolvedValueOnce(success({ position: null, duplicate: false, partial: true }));
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ value: { partial: true } });
  send.mockResolvedValueOnce(success({ position: null, duplicate: true, partial: true }));
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ value: { state: 'duplicate', partial: true } });
  send.mockResolvedValueOnce(failed('not_durable'));
  expect(await users.publish('ann', 'news', 1, {})).toMatchObject({ failure: { code: 'not_durable' } });
});

test('a stored message waits, and the nodes of the user are told', async () => {
  const { users, put, told, send } = start();
  expect(await users.publish('ann', 'news', 1, { deliver: 'store', id: 'k', ttlMs: 5 })).toEqual(
    success({ id: 'k', state: 'waiting', devices: 2 }),
  );
  expect(put).toHaveBeenCalledWith('ann', { id: 'k', payload: expect.any(Buffer), ttlMs: 5 }, expect.anything());
  expect(told()).toEqual([
    ['one', ['inbox', 'ann']],
    ['two', ['inbox', 'ann']],
  ]);
  expect(send).not.toHaveBeenCalled();
});

test('a message that was acknowledged already is a duplicate of which nobody is told', async () => {
  const { users, put, told } = start();
  put.mockResolvedValueOnce({ seq: 0, state: 'duplicate' });
  expect(await users.publish('ann', 'news', 1, { deliver: 'store' })).toMatchObject({ value: { state: 'duplicate' } });
  expect(told()).toEqual([]);
});

test('an inbox that cannot take a message says why', async () => {
  const { users, put } = start();
  put.mockRejectedValueOnce(new Error('the store is away'));
  expect(await users.publish('ann', 'news', 1, { deliver: 'store' })).toMatchObject({
    failure: { code: 'not_durable' },
  });
  expect(await users.publish('ann', 'news', 1n, { deliver: 'store' })).toMatchObject({
    failure: { code: 'payload_invalid' },
  });
});
