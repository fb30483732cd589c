import type { IncomingMessage } from 'node:http';
import {
  canMigrateHeader,
  keepsTokenBefore,
  lastPositionsHeader,
  numberOfEpoch,
  productHeader,
  uidHeader,
  writeNumberedPosition,
  writePosition,
} from '@gopush/contract';
import { expect, test } from 'vitest';
import {
  NextCopies,
  readTakeRequest,
  sessionFor,
  type TakeRequest,
  takeSession,
} from '../../../src/migration/take/take-session.ts';
import { decodeSession, encodeSession } from '../../../src/stored-session/session-record.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { sessionOf, socketOf } from '../../support/stored-session.ts';

const nothingChanged = { since: () => ({ ended: false, rooms: new Map() }) };
const disconnected = { since: () => ({ ended: true, rooms: new Map() }) };
const wanted: TakeRequest = { token: 'old', user: 'ann', given: [], noted: [], isIncomplete: false, keepsToken: false };

const noHistory = { read: async () => ({ epoch: undefined, messages: [], last: 0 }) as never };

function storeWith(bytes = encodeSession(sessionOf())) {
  const store = new MemoryStore();
  store.kept.set('t:old', bytes);
  return { store, history: noHistory, nextCopies: new NextCopies(store, 1_000), changes: nothingChanged };
}

test('a session is taken with a copy under its next token, and is not removed before its client is heard', async () => {
  const context = storeWith();
  const taken = await takeSession(wanted, context);
  expect(taken?.record).toEqual(sessionOf());
  expect(taken?.usedToken).toBe('old');
  const copy = context.store.kept.get(`t:${taken?.token}`);
  expect(copy && decodeSession(copy)).toEqual(sessionOf());
  expect([...context.store.kept.keys()]).toEqual(['t:old', `t:${taken?.token}`]);
});

test('for an agent that keeps the token nothing is written before the client is heard', async () => {
  const context = storeWith();
  const taken = await takeSession({ ...wanted, keepsToken: true }, context);
  expect(taken?.record).toEqual(sessionOf());
  expect([taken?.usedToken, taken?.saved]).toEqual(['old', undefined]);
  expect(taken?.token).not.toBe('old');
  expect([context.store.writes, [...context.store.kept.keys()]]).toEqual([0, ['t:old']]);
});

test('a session of a store that can be read but not written keeps its token', async () => {
  const context = storeWith();
  context.store.fails = true;
  expect(await takeSession(wanted, context)).toMatchObject({ token: 'old', usedToken: undefined });
});

test('a store that is slow to write holds the client up for a moment only', async () => {
  const context = storeWith();
  context.store.until = new Promise(() => {});
  expect(await takeSession(wanted, context)).toMatchObject({ token: 'old', usedToken: undefined });
});

test('while the store is swift, a session is taken before it is stored again; its client waits for that', async () => {
  const context = storeWith();
  await takeSession(wanted, context);
  let end = (): void => {};
  context.store.until = new Promise<void>((resolve) => {
    end = resolve;
  });
  const taken = await takeSession(wanted, context);
  expect(taken).toMatchObject({ usedToken: 'old' });
  end();
  expect(await taken?.saved).toBe(true);
});

test('of a store that cannot be written any more, one session learns that, and those after it keep their tokens', async () => {
  const context = storeWith();
  await takeSession(wanted, context);
  context.store.fails = true;
  const taken = await takeSession(wanted, context);
  expect(await taken?.saved).toBe(false);
  await new Promise(setImmediate);
  expect(await takeSession(wanted, context)).toMatchObject({ token: 'old', usedToken: undefined });
  context.store.fails = false;
  expect(await takeSession(wanted, context)).toMatchObject({ usedToken: 'old' });
});

test('without a session, or with one that cannot be read, nothing is taken and nothing is written', async () => {
  for (const bytes of [undefined, Buffer.from('token:x'), Buffer.alloc(0)]) {
    const context = storeWith(bytes);
    if (bytes === undefined) context.store.kept.clear();
    expect(await takeSession(wanted, context)).toBeUndefined();
    expect(context.store.writes).toBe(0);
  }
});

test('a store that cannot be read is a failure, rather than an unknown session', async () => {
  const context = storeWith();
  context.store.read = async () => {
    throw new Error('the store is away');
  };
  await expect(takeSession(wanted, context)).rejects.toThrow('away');
});

test('a session is for its own user alone, and not for one whom a program disconnected', () => {
  const ofAnn = { user: 'ann', given: [], isIncomplete: false };
  expect(sessionFor(ofAnn, sessionOf(), nothingChanged)).toEqual(sessionOf());
  expect(sessionFor({ ...ofAnn, user: 'bob' }, sessionOf(), nothingChanged)).toBeUndefined();
  expect(sessionFor(ofAnn, sessionOf(), disconnected)).toBeUndefined();
});

test('after a crash a session is lost where its agent does not know all that the client was given', () => {
  const incomplete = { user: 'ann', given: [], isIncomplete: true };
  const crashed = sessionOf({ isExact: false });
  expect(sessionFor(incomplete, crashed, nothingChanged)).toBeUndefined();
  expect(sessionFor({ ...incomplete, isIncomplete: false }, crashed, nothingChanged)).toEqual(crashed);
  expect(sessionFor(incomplete, sessionOf(), nothingChanged)).toEqual(sessionOf());
});

function requestWith(headers: Record<string, string>): IncomingMessage {
  return { headers: { [uidHeader]: 'ann', [productHeader]: 'chat', ...headers } } as unknown as IncomingMessage;
}
const context = {
  isBelieved: () => true,
  userOf: ({ product, uid }: { product: string; uid: string }) => `${product}/${uid}`,
};

test('a request of an agent has the user and the last positions that went out to the client', () => {
  const [one, other] = [
    { epoch: 'a', offset: 1 },
    { epoch: 'b', offset: 2 },
  ];
  const byNumber = { number: numberOfEpoch('c'), offset: 3 };
  const positions = `${writePosition(one)},no position,${writePosition(other)},${writeNumberedPosition(byNumber)}`;
  expect(readTakeRequest(requestWith({ [lastPositionsHeader]: positions }), 't', context)).toEqual({
    token: 't',
    user: 'chat/ann',
    given: [one, other],
    noted: [byNumber],
    isIncomplete: false,
    keepsToken: false,
  });
  const incomplete = readTakeRequest(requestWith({ [lastPositionsHeader]: 'incomplete' }), 't', context);
  expect(incomplete).toMatchObject({ given: [], isIncomplete: true });
  expect(readTakeRequest(requestWith({}), 't', context)).toMatchObject({ given: [], isIncomplete: false });
  for (const [value, keepsToken] of [
    ['1', false],
    [keepsTokenBefore, true],
  ] as const) {
    const request = requestWith({ [canMigrateHeader]: value });
    expect(readTakeRequest(request, 't', context)).toMatchObject({ keepsToken });
  }
});

test('a request whose identity is not believed, or is missing, takes nothing', () => {
  expect(readTakeRequest(requestWith({}), 't', { ...context, isBelieved: () => false })).toBeUndefined();
  expect(readTakeRequest({ headers: {} } as IncomingMessage, 't', context)).toBeUndefined();
});

test('positions that a dead push-server has noted by number count like those that an agent has seen', async () => {
  const socket = socketOf({ positions: [['hall', { epoch: 'e-1', offset: 3 }]] });
  const crashed = encodeSession(sessionOf({ isExact: false, sockets: [socket] }));
  const noted = [{ number: numberOfEpoch('e-1'), offset: 7 }];
  const taken = await takeSession({ ...wanted, noted }, storeWith(crashed));
  expect(taken?.given).toEqual([{ epoch: 'e-1', offset: 7 }]);
  // Of an epoch that nobody knows: nothing tells what the client has had.
  const unknown = [...noted, { number: numberOfEpoch('e-2'), offset: 1 }];
  expect(await takeSession({ ...wanted, noted: unknown }, storeWith(crashed))).toBeUndefined();
});
