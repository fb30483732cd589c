import { expect, test } from 'vitest';
import { asClientKnows, numberedConnectResponse } from '../../../src/migration/client/connect-responses.ts';
import type { SessionRecord } from '../../../src/stored-session/session-record.ts';

const socket = {
  pid: 'p',
  auth: { token: 't' },
  rooms: [],
  data: {},
  positions: [],
  inboxAfter: 0,
  clientData: {},
  claims: undefined,
};
const [main, admin, early] = [
  { ...socket, id: 'a', namespace: '/', answer: 1 },
  { ...socket, id: 'b', namespace: '/admin', answer: 2 },
  { ...socket, id: 'c', namespace: '/early' },
];
const opening = [{ namespace: '/late', auth: {} }];
const session: SessionRecord = {
  engineId: 'abc.p~1',
  uid: 'ann',
  node: 'n',
  isExact: false,
  tail: [],
  sockets: [main, admin, early],
  opening,
  answers: 2,
};
const had = (offset: number) => [{ epoch: 'abc-p-1', offset }];

test('an answer has its number, in the form of a mark', () => {
  const packet = { type: 0, nsp: '/', data: { sid: 's' } };
  expect(numberedConnectResponse(packet, 'abc.p~1', 2)).toEqual({
    type: 0,
    nsp: '/',
    data: { sid: 's', mark: 'abc-p-1.2~' },
  });
});

test('a namespace whose answer did not reach the client is one that it is about to enter', () => {
  expect(asClientKnows(session, had(2))).toBe(session);
  const ofAdmin = { namespace: '/admin', auth: { token: 't' } };
  expect(asClientKnows(session, had(1))).toEqual({
    ...session,
    sockets: [main, early],
    opening: [ofAdmin, ...opening],
  });
  const ofMain = { namespace: '/', auth: { token: 't' } };
  for (const marks of [[], [{ epoch: 'room', offset: 9 }]]) {
    const known = asClientKnows(session, marks);
    expect(known).toEqual({ ...session, sockets: [early], opening: [ofMain, ofAdmin, ...opening] });
  }
});

test('a client that had an answer which is not written down cannot go on', () => {
  expect(asClientKnows(session, had(3))).toBeUndefined();
});

test('what was written down at the end of a session the client has had', () => {
  const exact = { ...session, isExact: true };
  expect(asClientKnows(exact, [])).toBe(exact);
});
