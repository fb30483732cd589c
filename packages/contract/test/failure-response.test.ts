import { expect, test } from 'vitest';
import { failureResponse, failures, retryAfter } from '../src/index.ts';

test('a refused upgrade has the code in a header, and the message as text', () => {
  expect(failureResponse({ code: 'origin_refused', detail: 'Found a, wanted b.' })).toEqual({
    status: 403,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-gopush-error': 'origin_refused' },
    body: `origin_refused: ${failures.origin_refused.message} Found a, wanted b.\n`,
  });
});

test.each([
  ['upgrade_version', 426, { upgrade: 'websocket', 'sec-websocket-version': '13, 8' }],
  ['api_key_missing', 401, { 'www-authenticate': 'Bearer' }],
  ['stopping', 503, { 'retry-after': '1' }],
] as const)('%s has the headers of its status', (code, status, headers) => {
  const response = failureResponse({ code });
  expect(response.status).toBe(status);
  expect(response.headers).toMatchObject(headers);
});

test('clients of an overloaded node are told to retry at different times', () => {
  const seconds = new Set(Array.from({ length: 1_000 }, () => retryAfter('overloaded')));
  expect([...seconds].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(retryAfter('too_fast')).toBe(1);
});
