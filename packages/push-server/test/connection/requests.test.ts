import { failed } from '@gopush/contract';
import { expect, test, vi } from 'vitest';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { Requests, type RequestsContext } from '../../src/connection/requests.ts';
import { Session, type SessionContext } from '../../src/session/session.ts';
import { FakeSocket } from '../session/fake-socket.ts';

/** A session whose requests are served, and where the test decides when the hook has decided. */
function start() {
  const socket = new FakeSocket();
  const sessions = {
    scopeOf: () => '',
    isReplaced: () => false,
    connectionOf: () => ({ asksForMarks: false }),
    leftRoom() {},
    delivery: { receivedKeys: { add() {} } },
    streams: { position: () => null },
    inbox: {},
  } as unknown as SessionContext;
  const session = new Session(socket.asSocket, { uid: 'ann', product: 'default' } as never, sessions);
  const decisions: (() => void)[] = [];
  const { logger } = createMemoryLog();
  const refused = vi.fn();
  const context = {
    publish: async () => failed('not_durable'),
    presenceIn: async () => failed('not_durable'),
    rules: {
      has: (name: string) => name === 'canJoin',
      mayJoin: () => new Promise((resolve) => decisions.push(() => resolve(failed('join_refused')))),
    },
    limits: { roomsPerSocket: 10, refused },
    senders: false,
    log: logger,
  } as unknown as RequestsContext;
  new Requests(context).listen(socket.asSocket);
  const acks: unknown[] = [];
  const ask = (event: string, payload: unknown): void =>
    socket.receive(event, payload, (ack: unknown) => acks.push(ack));
  return { session, ask, acks, decisions, refused };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('requests of one client are served in order: the next one waits for the hook', async () => {
  const { ask, acks, decisions } = start();
  ask('go:join', { room: 'den' });
  ask('go:leave', 'den');
  await settled();
  expect([decisions.length, acks.length]).toEqual([1, 0]);
  decisions[0]?.();
  await settled();
  expect(acks).toMatchObject([
    { ok: false, error: { code: 'join_refused' } },
    { ok: true, rooms: [], count: 0 },
  ]);
});

test('a malformed request is refused at once, and counted', () => {
  const { ask, acks, refused } = start();
  ask('go:join', { room: '' });
  expect(acks).toMatchObject([{ ok: false, error: { code: 'room_invalid' } }]);
  expect(refused).toHaveBeenCalledExactlyOnceWith('room_invalid');
});

test('a client that sends more requests than may wait is refused', async () => {
  const { ask, acks } = start();
  for (let count = 0; count <= 1_000; count++) ask('go:join', { room: 'den' });
  expect(acks).toMatchObject([{ ok: false, error: { code: 'too_many_requests' } }]);
});
