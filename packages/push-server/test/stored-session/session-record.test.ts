import { serialize } from 'node:v8';
import { encodeValue } from '@gopush/store';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/rooms/delivery/recent-deliveries.ts';
import { decodeSession, encodeSession, type SessionRecord } from '../../src/stored-session/session-record.ts';

const session = { engineId: 'e', uid: 'ann', node: 'n', isExact: true, tailAfter: 7, sockets: [] };

/** Deliveries to some rooms in turn, one of which has begun anew in between. */
function deliveries(times: number): Delivery[] {
  return Array.from({ length: times }, (_, index) => ({
    room: `r:room ${index % 3}`,
    position: { epoch: index > times / 2 ? 'a later epoch' : 'an epoch', offset: 1_000_000 + index },
    count: 5_000_000 + 2 * index,
  }));
}

test('a session with what may not have reached its client is read as it was written', () => {
  for (const times of [0, 1, 2, 1_000]) {
    const record = { ...session, tail: deliveries(times) };
    expect(decodeSession(encodeSession(record))).toEqual(record);
  }
});

test('a thousand deliveries take little, as every client that is cut off has its own', () => {
  expect(encodeSession({ ...session, tail: deliveries(1_000) }).length).toBeLessThan(6_000);
});

test('what is of another version, or damaged, is no session', () => {
  const bytes = encodeSession({ ...session, tail: deliveries(3) });
  for (const wrong of [Buffer.alloc(0), Buffer.from('x'), bytes.subarray(0, 40)]) {
    expect(decodeSession(wrong)).toBeUndefined();
  }
});

/** A socket with this data, of a client in `/`. */
function socketWith(parts: object): SessionRecord['sockets'][number] {
  const plain = { namespace: '/', id: 'i', pid: 'p', auth: {}, rooms: [], data: {}, positions: [], inboxAfter: 0 };
  return { ...plain, clientData: {}, claims: { sub: 'ann' }, ...parts };
}

function nested(levels: number): object {
  let value = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

function containsItself(): object {
  const value: Record<string, unknown> = { a: 1 };
  value.itself = value;
  return value;
}

test('maps, sets, dates, integers of any size and bytes in data are read as they were written', () => {
  const data = { map: new Map([['k', new Set([1])]]), at: new Date(5), big: 2n ** 70n, bytes: Buffer.from('hi') };
  const record = { ...session, tail: [], sockets: [socketWith({ data })] };
  expect(decodeSession(encodeSession(record))).toEqual(record);
});

test.each([
  ['a function', { f() {}, b: 1 }, { b: 1 }],
  ['more levels than can be kept', nested(1_000), {}],
  ['more levels than a session has room for', nested(254), {}],
  ['an object that contains itself', containsItself(), {}],
])('of a part with %s what can be kept is kept, and the other parts stay whole', (_what, part, kept) => {
  const data = new Map([['k', 1]]);
  for (const name of ['auth', 'clientData', 'claims'] as const) {
    const record = { ...session, tail: [], sockets: [socketWith({ data, [name]: part })] };
    const read = decodeSession(encodeSession(record));
    expect(read?.sockets).toEqual([socketWith({ data, [name]: kept })]);
  }
  const opening = [{ namespace: '/x', auth: part }];
  expect(decodeSession(encodeSession({ ...session, tail: [], opening }))?.opening).toEqual([
    { namespace: '/x', auth: kept },
  ]);
});

test('what earlier versions wrote by the serializer of V8 is read', () => {
  const kept = { ...session, tail: [], sockets: [socketWith({ data: new Map([['k', 1]]) })] };
  expect(decodeSession(serialize(kept))?.sockets).toEqual(kept.sockets);
});

const whole = socketWith({
  rooms: ['own'],
  positions: [
    ['r:den', { epoch: 'e', offset: 4 }],
    ['r:new', null],
  ],
  reached: [['r:den', null]],
  had: [['r:den', 'key', 7]],
  emitted: {
    streams: [['stream', 4]],
    doubtful: [['stream', 4, 9]],
    own: [{ count: 9, place: { epoch: 's', offset: 1 }, encoded: ['2["x"]', Buffer.from('b')], compress: undefined }],
    after: 3,
  },
  marks: true,
  waiting: [
    { type: 2, nsp: '/', id: 5, data: ['event', 1] },
    { type: 1, nsp: '/chat' },
  ],
  answer: 2,
});

test('a session with all parts that it may have is read', () => {
  const record = { ...session, tail: [], at: 5, sockets: [whole], opening: [{ namespace: '/', auth: undefined }] };
  expect(decodeSession(encodeSession(record))?.sockets).toEqual([whole]);
});

test.each([
  ['sockets that are none', { sockets: [null] }],
  ['a socket without parts', { sockets: [{}] }],
  ['a namespace that is no text', { sockets: [{ ...whole, namespace: 5 }] }],
  ['a text in the place of rooms', { sockets: [{ ...whole, rooms: 'own' }] }],
  ['a position that is none', { sockets: [{ ...whole, positions: [['r:den', 5]] }] }],
  ['keys that are none', { sockets: [{ ...whole, had: [null] }] }],
  ['a packet that no client can send', { sockets: [{ ...whole, waiting: [{ type: 2, nsp: '/', data: 'text' }] }] }],
  ['streams that are none', { sockets: [{ ...whole, emitted: { streams: 5 } }] }],
  ['an event without bytes', { sockets: [{ ...whole, emitted: { streams: [], own: [{ count: 1 }] } }] }],
  ['a CONNECT to nowhere', { opening: [{ namespace: 5 }] }],
  ['steps that are no numbers', { tail: [['r:den', 'e', ['x']]] }],
  ['no user', { uid: undefined }],
  ['a number in the place of a node', { node: 5 }],
])('%s: that is no session, and nothing of it is read later', (_what, change) => {
  expect(decodeSession(encodeValue({ ...session, tail: [], ...change }))).toBeUndefined();
});
