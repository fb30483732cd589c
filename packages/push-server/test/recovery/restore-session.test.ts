import { expect, test } from 'vitest';
import { hadOnReturn } from '../../src/recovery/had-on-return.ts';
import { restoreLost, restoreStranded, restoreTaken } from '../../src/recovery/restore-session.ts';
import { encodeSession } from '../../src/stored-session/session-record.ts';
import { sessionOf, socketOf } from '../support/stored-session.ts';

const at = (offset: number) => ({ epoch: 'e', offset });
const tail = [1, 2, 3].map((offset) => ({ room: 'r:a', position: at(offset), count: 10 + offset }));
const sockets = [socketOf({ positions: [['r:a', at(3)]] })];

test('a client whose connection was lost goes on after the last message that it had', () => {
  const bytes = encodeSession(sessionOf({ tail, sockets }));
  expect(restoreLost(bytes, at(2))?.positions).toEqual(new Map([['r:a', at(2)]]));
  // By the number of the delivery.
  expect(restoreLost(bytes, { epoch: 'one', offset: 11 })?.positions).toEqual(new Map([['r:a', at(1)]]));
  expect(restoreLost(bytes, undefined)).toBeUndefined();
  expect(restoreLost(Buffer.from('x'), at(2))).toBeUndefined();
  expect(restoreLost(encodeSession(sessionOf({ sockets: [] })), at(2))).toBeUndefined();
});

test('a client whose node and agent died together gets back its own socket of the copy for a crash', async () => {
  const history = { read: async () => ({ epoch: undefined, messages: [] }) } as never;
  const both = [socketOf({ pid: 'other', id: 'other' }), ...sockets];
  const bytes = encodeSession(sessionOf({ isExact: false, sockets: both }));
  const restored = await restoreStranded(bytes, 'pid', undefined, history);
  expect([restored?.record.id, restored?.positions, restored?.hasMigrated]).toEqual([
    'socket',
    new Map([['r:a', at(3)]]),
    false,
  ]);
  expect(await restoreStranded(bytes, 'nobody', undefined, history)).toBeUndefined();
});

test('a socket of a session that was taken goes on where its agent has seen it', () => {
  const session = sessionOf({ sockets, isExact: false });
  expect(restoreTaken(session, session.sockets[0] as never, [at(9)])).toMatchObject({
    uid: 'ann',
    node: 'one',
    at: 1,
    positions: new Map([['r:a', at(3)]]),
    given: [at(9)],
    hasMigrated: true,
  });
});

test('which messages a client had that were written to it before they were kept', () => {
  const had = [
    ['r:a', 'for certain', 0],
    ['r:a', 'before', 11],
    ['r:a', 'after', 13],
  ] as const;
  const idsOf = (last: Parameters<typeof hadOnReturn>[2], isExact = true): string[] =>
    hadOnReturn({ node: 'one', isExact, tail }, { had }, last).map(([, id]) => id);
  expect(idsOf(undefined)).toEqual(['for certain']);
  expect(idsOf({ epoch: 'one', offset: 12 })).toEqual(['for certain', 'before']);
  expect(idsOf(at(2))).toEqual(['for certain', 'before']);
  expect(idsOf(at(1))).toEqual(['for certain']);
  expect(idsOf(at(7), false)).toEqual(['for certain', 'before', 'after']);
});
