import { failed, success } from '@gopush/contract';
import { expect, test, vi } from 'vitest';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { type AdmitContext, admit } from '../../src/connection/admit.ts';
import { sessionOf } from '../../src/session/session.ts';
import { FakeSocket } from '../session/fake-socket.ts';

interface Wanted {
  readonly isBelieved?: boolean;
  /** The user of the stored session. */
  readonly restoredFor?: string;
  readonly hasMigrated?: boolean;
  readonly hasPlace?: boolean;
  readonly allows?: boolean;
  /** Whether the session has come once more, on another connection. */
  readonly isReplaced?: boolean;
}

/** A client of ann that asks to be admitted. */
function start({
  isBelieved = true,
  restoredFor,
  hasMigrated = false,
  hasPlace = true,
  allows = true,
  isReplaced = false,
}: Wanted = {}) {
  const socket = new FakeSocket();
  Object.assign(socket.handshake, { query: { uid: 'ann' } });
  socket.recovered = restoredFor !== undefined;
  const giveBack = vi.fn();
  const record = { clientData: { lives: 3 }, claims: { role: 'owner' }, had: [] };
  const restored = { uid: restoredFor, hasMigrated, record, giveBack };
  const rules = {
    has: () => true,
    mayConnect: vi.fn(async () => (allows ? success(undefined) : failed('connect_refused'))),
  };
  const starts = { connecting: vi.fn(), refused: vi.fn() };
  const limits = { starts, refused: vi.fn(), take: vi.fn(async () => hasPlace) };
  const live = { add: vi.fn(), remove: vi.fn() };
  const presence = { entered: vi.fn(async () => {}), gone: vi.fn() };
  const sessions = {
    scopeOf: () => '',
    isReplaced: () => isReplaced,
    delivery: { receivedKeys: { add() {}, remove() {} } },
    streams: { open: async () => {}, leave() {}, position: () => null },
    presence,
    inbox: {},
  };
  const context = {
    rules,
    limits,
    live,
    sessions,
    isBelieved: () => isBelieved,
    addressOf: (_headers: object, peer: string) => peer,
    recovery: { take: () => (restoredFor === undefined ? undefined : restored) },
    log: createMemoryLog().logger,
  } as unknown as AdmitContext;
  const next = vi.fn();
  const admitted = async (): Promise<string> => {
    await admit(socket.asSocket, next, context);
    const [error] = next.mock.calls[0] ?? [];
    return error === undefined ? 'admitted' : error.data.code;
  };
  return { socket, admitted, giveBack, rules, limits, starts, live, presence, next };
}

test('a client that is admitted has a session, and is announced before it is told', async () => {
  const { socket, admitted, live, presence, next } = start();
  presence.entered.mockImplementation(async () => expect(next).not.toHaveBeenCalled());
  expect(await admitted()).toBe('admitted');
  expect(presence.entered).toHaveBeenCalledExactlyOnceWith('socket', 'ann');
  expect(live.add).toHaveBeenCalledExactlyOnceWith(sessionOf(socket.asSocket));
});

test.each<[string, Wanted]>([
  ['identity_unsigned', { isBelieved: false }],
  ['session_unknown', { restoredFor: 'bob' }],
  ['connect_refused', { allows: false }],
  ['too_many_connections_uid', { hasPlace: false }],
])('a client is refused with %s, which is counted, and has no session', async (code, wanted) => {
  const { socket, admitted, limits, starts, live } = start(wanted);
  expect(await admitted()).toBe(code);
  expect(limits.refused).toHaveBeenCalledExactlyOnceWith(code);
  expect(starts.refused).toHaveBeenCalledOnce();
  expect([sessionOf(socket.asSocket), live.add.mock.calls]).toEqual([undefined, []]);
});

test.each<[string, Wanted]>([
  ['of another user', { restoredFor: 'bob' }],
  ['whose client the hook refuses', { restoredFor: 'ann', allows: false }],
  ['whose user has no place left', { restoredFor: 'ann', hasPlace: false }],
])('a stored session %s is given back, for its client at another time', async (_what, wanted) => {
  const { admitted, giveBack } = start(wanted);
  expect(await admitted()).not.toBe('admitted');
  expect(giveBack).toHaveBeenCalledOnce();
});

test('the client of a session that migrated was admitted before: the hook is not asked, and a full user keeps it', async () => {
  const { socket, admitted, rules, limits } = start({
    restoredFor: 'ann',
    hasMigrated: true,
    hasPlace: false,
    allows: false,
  });
  expect(await admitted()).toBe('admitted');
  expect(rules.mayConnect).not.toHaveBeenCalled();
  expect(limits.take).toHaveBeenCalledOnce();
  expect(sessionOf(socket.asSocket)?.client).toMatchObject({ data: { lives: 3 }, claims: { role: 'owner' } });
});

test('a connection that ends before Socket.IO has connected it leaves nothing behind', async () => {
  const { socket, admitted, giveBack, live, presence } = start({ restoredFor: 'ann' });
  await admitted();
  expect(live.remove).not.toHaveBeenCalled();
  socket.conn.emit('close');
  expect([live.remove, presence.gone, giveBack].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1]);
});

test('a connection that ends while it is announced does not end the same session on another connection', async () => {
  for (const isReplaced of [false, true]) {
    const { socket, admitted, live, presence } = start({ restoredFor: 'ann', hasMigrated: true, isReplaced });
    // As while the store is asked.
    presence.entered.mockImplementation(async () => {
      socket.conn.readyState = 'closed';
    });
    await admitted();
    expect([live.remove, presence.gone].map(({ mock }) => mock.calls.length)).toEqual([1, isReplaced ? 0 : 1]);
  }
});
