import { expect, test } from 'vitest';
import { judgeConnectResponse, ReturningNamespaces } from '../../../src/migration/client/returning-namespaces.ts';
import { socketOf } from '../../support/stored-session.ts';

const event = (nsp: string, n: number) => ({ type: 2, nsp, data: ['e', n] });

test('packets wait for a namespace until it is entered again, behind those that waited at the node before', () => {
  const returning = new ReturningNamespaces([socketOf({ waiting: [event('/', 1)] }), socketOf({ namespace: '/chat' })]);
  expect([returning.keep(event('/', 2)), returning.keep(event('/other', 1))]).toEqual([true, false]);
  expect(returning.recordOf('/chat')?.id).toBe('socket');
  expect(returning.records).toEqual([
    socketOf({ waiting: [event('/', 1), event('/', 2)] }),
    socketOf({ namespace: '/chat', waiting: [] }),
  ]);
  expect(returning.done('/')).toEqual([event('/', 1), event('/', 2)]);
  expect([returning.size, returning.keep(event('/', 3)), returning.done('/')]).toEqual([1, false, []]);
});

test('so many packets wait, and the next one is refused, until some are handled', () => {
  const waiting = Array.from({ length: 999 }, (_, n) => event('/', n));
  const returning = new ReturningNamespaces([socketOf({ waiting }), socketOf({ namespace: '/chat' })]);
  expect([returning.keep(event('/chat', 1)), returning.keep(event('/chat', 2))]).toEqual([true, 'full']);
  returning.done('/');
  expect(returning.keep(event('/chat', 2))).toBe(true);
});

test('what a response to a CONNECT of a session that returns means', () => {
  const record = { id: 'socket' };
  const judge = (type: number, data: unknown, nsp = '/'): string => judgeConnectResponse({ type, nsp, data }, record);
  expect(judge(0, { sid: 'socket' })).toBe('entered');
  expect(judge(0, { sid: 'another' })).toBe('lost');
  expect(judge(0, undefined)).toBe('lost');
  // A middleware of the project refuses it.
  expect(judge(4, { message: 'no' })).toBe('refused');
  expect(judge(4, { message: 'no', data: { code: 'of the project' } })).toBe('refused');
  // gopush refuses it, in the main namespace.
  expect(judge(4, { message: 'no', data: { code: 'session_unknown' } })).toBe('lost');
  expect(judge(4, { message: 'no', data: { code: 'session_unknown' } }, '/chat')).toBe('refused');
});
