import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { readTakeResponse } from '../../src/migration/take-response.ts';
import { parseResponseHead } from '../../src/wire/response-head.ts';

/** A target's response to a request to take a session. */
function respond(status: number, lines: string, isUpgrade = status === 101) {
  const head = parseResponseHead(Buffer.from(`HTTP/1.1 ${status} x\r\n${lines}\r\n`));
  if (typeof head !== 'object') throw new Error('no head');
  const body = isUpgrade ? undefined : ({ kind: 'none' } as never);
  return { socket: {} as Socket, head, early: Buffer.alloc(0), body };
}

test.each([0, 2, 10_000])('101 with %i frames to skip: it has taken the session', (skip) => {
  const taken = respond(101, `x-gopush-resume-skip: ${skip}\r\n`);
  expect(readTakeResponse(taken)).toEqual({ taken });
});

test.each([
  ['101 without a count: it has begun another session', 101, '', 'refused'],
  ['101 with a count that is none', 101, 'x-gopush-resume-skip: many\r\n', 'refused'],
  ['101 with a negative count', 101, 'x-gopush-resume-skip: -1\r\n', 'refused'],
  ['101 with a count beyond reason', 101, 'x-gopush-resume-skip: 10001\r\n', 'refused'],
  ['503: it is stopping', 503, '', 'refused'],
  ['410 session_unknown', 410, 'x-gopush-error: session_unknown\r\n', { noTarget: 'unknown' }],
  ['403', 403, '', { noTarget: 'refused' }],
  ['200', 200, '', { noTarget: 'refused' }],
])('%s', (_what, status, lines, outcome) => {
  expect(readTakeResponse(respond(status, lines))).toEqual(outcome);
});
