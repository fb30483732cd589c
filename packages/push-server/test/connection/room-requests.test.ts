import { failed, type Result, success } from '@gopush/contract';
import { expect, test, vi } from 'vitest';
import {
  join,
  joinAndPublish,
  leave,
  presenceOf,
  publish,
  type RoomRequestsContext,
} from '../../src/connection/room-requests.ts';
import type { Session } from '../../src/session/session.ts';

/** A session in some rooms, and what requests need. */
function start(
  rooms: readonly string[] = [],
  hook: { mayJoin?: Result<void>; mayPublish?: Result<unknown> } = {},
  { senders = false, roomsPerSocket = 3 } = {},
) {
  const all = new Set(rooms);
  const session = {
    client: { uid: 'ann' },
    socket: { id: 'socket', connected: true },
    mayReplay: true,
    get roomCount() {
      return all.size;
    },
    isIn: (room: string) => all.has(room),
    roomNamed: (room: string) => `r:${room}`,
    leave: async (...left: string[]) => left.filter((room) => all.delete(room)),
    join: vi.fn(async (...requests: { room: string }[]) => {
      for (const { room } of requests) all.add(room);
      return requests.map(({ room }) => ({ room, position: null }));
    }),
  };
  const has = { canJoin: hook.mayJoin !== undefined, canPublish: hook.mayPublish !== undefined };
  const published = vi.fn(async () => success({ position: null, duplicate: false }));
  const context = {
    publish: published,
    presenceIn: async (room: string) => success({ users: [{ uid: room, devices: 1 }], next: null }),
    rules: {
      has: (name: 'canJoin' | 'canPublish') => has[name],
      mayJoin: vi.fn(async () => hook.mayJoin),
      mayPublish: vi.fn(async () => hook.mayPublish),
    },
    limits: { roomsPerSocket },
    senders,
  } as unknown as RoomRequestsContext;
  return { session: session as unknown as Session, inner: session, context, published };
}

const codeOf = (result: Result<object>) => (result.ok ? 'ok' : result.failure.code);

test('all rooms of a request are joined, or none', async () => {
  const { session, inner, context } = start(['a', 'b']);
  const { response } = await join(session, [{ room: 'c' }, { room: 'd' }], context);
  expect(codeOf(await response)).toBe('too_many_rooms');
  const refusing = start([], { mayJoin: failed('join_refused') });
  expect(codeOf(await (await join(refusing.session, [{ room: 'c' }], refusing.context)).response)).toBe('join_refused');
  expect([inner.join, refusing.inner.join].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  const fits = await join(session, [{ room: 'a' }, { room: 'c' }], context);
  expect(await fits.response).toMatchObject({ ok: true, value: { rooms: ['a', 'c'], count: 3 } });
});

test('the hook is not asked about a room that a client is in', async () => {
  const { session, context } = start(['a'], { mayJoin: failed('join_refused') });
  expect(codeOf(await (await join(session, [{ room: 'a' }], context)).response)).toBe('ok');
});

test('a client that has used up its replay joins at the end alone', async () => {
  const { session, inner, context } = start();
  inner.mayReplay = false;
  const from = { epoch: 'e', offset: 1 };
  expect(codeOf(await (await join(session, [{ room: 'a', from }], context)).response)).toBe('too_many_requests');
  expect(codeOf(await (await join(session, [{ room: 'a' }], context)).response)).toBe('ok');
});

test('a connection that ends while the hook decides joins nothing', async () => {
  const { session, inner, context } = start();
  inner.join.mockResolvedValueOnce([]);
  expect(codeOf(await (await join(session, [{ room: 'a' }], context)).response)).toBe('client_gone');
});

test('members publish, and others where the hook allows it', async () => {
  const request = { room: 'a', event: 'news', message: 'hello', echo: false, volatile: false } as never;
  const member = start(['a']);
  await (await publish(member.session, request, member.context)).response;
  expect(member.published).toHaveBeenCalledWith('r:a', 'news', 'hello', { keep: 'try', except: 'socket' });
  const outside = start();
  expect(codeOf(await (await publish(outside.session, request, outside.context)).response)).toBe('publish_refused');
  const allowed = start([], { mayPublish: success('replaced') }, { senders: true });
  await (await publish(allowed.session, request, allowed.context)).response;
  expect(allowed.published).toHaveBeenCalledWith('r:a', 'news', 'replaced', expect.objectContaining({ sender: 'ann' }));
});

test('the object of gopush 0.1 reaches members whole, without a sender that its client made up', async () => {
  const message = { room: 'a', event: 'news', message: 'hello', extra: 1, sender: 'the queen' } as never;
  const { session, context, published } = start([], {}, { senders: true });
  const { response } = await joinAndPublish(session, message, context);
  expect(await response).toEqual(success({ rooms: ['a'], count: 1 }));
  const object = { room: 'a', event: 'news', message: 'hello', extra: 1, sender: 'ann' };
  expect(published).toHaveBeenCalledWith('r:a', 'news', object, { except: 'socket', sender: 'ann' });
  // The hook has not seen the rest.
  const decided = start([], { mayPublish: success('allowed') });
  await joinAndPublish(decided.session, message, decided.context);
  expect(decided.published).toHaveBeenCalledWith(
    'r:a',
    'news',
    { room: 'a', event: 'news', message: 'allowed' },
    expect.anything(),
  );
});

test('where the hook refuses what gopush 0.1 publishes, its client does not join either', async () => {
  const { session, inner, context } = start([], { mayPublish: failed('publish_refused') });
  const message = { room: 'a', event: 'news', message: 'hello' } as never;
  expect(codeOf(await (await joinAndPublish(session, message, context)).response)).toBe('publish_refused');
  expect(inner.join).not.toHaveBeenCalled();
});

test('presence is for members', async () => {
  const { session, context } = start(['a']);
  expect(codeOf(await (await presenceOf(session, { room: 'b' }, context)).response)).toBe('join_refused');
  expect(await (await presenceOf(session, { room: 'a' }, context)).response).toMatchObject({
    value: { users: [{ uid: 'r:a' }] },
  });
});

test('leaving names the rooms that were left', async () => {
  const { session } = start(['a', 'b']);
  expect(await (await leave(session, ['a', 'c'])).response).toEqual(success({ rooms: ['a'], count: 1 }));
});
