import { uidHeader } from '@gopush/contract';
import type { Socket } from 'socket.io';
import { expect, test } from 'vitest';
import { type DescribeContext, describeConnection } from '../../../src/migration/follow/describe-connection.ts';
import type { MigratableSession } from '../../../src/migration/follow/migratable-session.ts';
import { addSocket, follow } from '../../support/fake-connection.ts';
import { socketOf } from '../../support/stored-session.ts';

const at = (offset: number) => ({ epoch: 'e', offset });
const session = {
  user: 'ann',
  joined: new Map([['r:a', at(1)]]),
  positions: new Map([['r:a', at(5)]]),
  inbox: { acknowledged: 3 },
  describe: (positions: ReadonlyMap<string, never>, inboxAfter = 9, live = {}) =>
    socketOf({ id: 'a', positions: [...positions], inboxAfter, ...live }),
} as unknown as MigratableSession;

function contextWith(sessions: Record<string, MigratableSession>): DescribeContext {
  return {
    node: 'one',
    sessions: { get: (id) => sessions[id] },
    emittedEvents: { standing: () => ({ streams: [['s', 1]] }) },
    count: () => 42,
    userOf: ({ uid }) => `scope/${uid}`,
  };
}

test('a copy for a crash has what the client had for certain, and how many deliveries there were', () => {
  const { followed } = follow(['a']);
  const record = describeConnection(followed, contextWith({ a: session }));
  expect(record).toMatchObject({ engineId: 'engine', uid: 'ann', node: 'one', isExact: false, tail: [], count: 42 });
  expect(record?.sockets).toEqual([
    socketOf({ id: 'a', positions: [['r:a', at(1)]], inboxAfter: 3, reached: [['r:a', at(5)]], answer: 0 }),
  ]);
  expect(followed.uid).toBe('ann');
});

test('a session that has ended is described as it was at its end', () => {
  const { followed } = follow(['a']);
  const ended = new Map([[session, socketOf({ id: 'a', inboxAfter: 9 })]]);
  const record = describeConnection(followed, contextWith({ a: session }), ended);
  expect([record?.isExact, record?.count]).toEqual([true, undefined]);
  expect(record?.sockets).toEqual([socketOf({ id: 'a', inboxAfter: 9, answer: 0 })]);
});

test('a socket of a namespace of the project is described as Socket.IO has it; its user is that of the request', () => {
  const { followed, client } = follow();
  addSocket(client, 'b');
  const socket = client.sockets.get('b') as Socket;
  Object.assign(socket, { pid: 'pid of b', data: { n: 1 } });
  Object.assign(socket.handshake, { auth: { token: 't' }, headers: { [uidHeader]: 'bob' } });
  socket.rooms.add('lobby');
  expect(describeConnection(followed, contextWith({}))).toMatchObject({
    uid: 'scope/bob',
    sockets: [
      {
        id: 'b',
        pid: 'pid of b',
        auth: { token: 't' },
        rooms: ['lobby'],
        data: { n: 1 },
        emitted: { streams: [['s', 1]] },
      },
    ],
  });
});

test('without a user there is no session', () => {
  expect(describeConnection(follow().followed, contextWith({}))).toBeUndefined();
  expect(describeConnection(follow(['a']).followed, contextWith({}))).toBeUndefined();
});
