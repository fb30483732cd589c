import { expect, test } from 'vitest';
import { checkRequest, type RequestParts } from '../../src/api/check-request.ts';
import { findRoute } from '../../src/api/routes/find-route.ts';

function check(method: string, path: string, parts: Partial<RequestParts> = {}) {
  const found = findRoute(method, path);
  if (!found.ok || !('route' in found.value)) throw new Error('no such route');
  const { route, params } = found.value;
  const checked = checkRequest(route, {
    params,
    query: new URLSearchParams(),
    body: undefined,
    key: undefined,
    ...parts,
  });
  return checked.ok ? checked.value : [checked.failure.code, checked.failure.detail];
}

test('all parts are checked, with their defaults', () => {
  const query = new URLSearchParams('after=3');
  expect(check('GET', '/rooms/den/history', { query })).toEqual({
    params: { room: 'den' },
    query: { after: 3, limit: 100 },
    body: undefined,
    id: undefined,
  });
});

test('a failure names the part and the field', () => {
  const query = new URLSearchParams('limit=0');
  expect(check('GET', '/rooms/den/history', { query })).toMatchObject([
    'payload_invalid',
    expect.stringMatching(/^limit: /),
  ]);
  expect(check('POST', '/rooms/den/publish', { body: { event: 'news', colour: 1 } })).toMatchObject([
    'payload_invalid',
    expect.stringMatching(/^colour: /),
  ]);
  expect(check('GET', '/rooms', { body: {} })).toMatchObject(['payload_invalid', expect.stringMatching(/^body: /)]);
  expect(check('POST', '/rooms/den/publish', { body: { event: '' }, key: 'k' })).toMatchObject([
    'event_invalid',
    expect.stringMatching(/^event: /),
  ]);
});

test('an Idempotency-Key is for routes whose messages are kept', () => {
  const body = { event: 'news' };
  expect(check('POST', '/rooms/den/publish', { body, key: 'k' })).toMatchObject({ id: 'k' });
  expect(check('POST', '/notify', { body, key: 'k' })).toMatchObject([
    'payload_invalid',
    expect.stringMatching(/^Idempotency-Key: /),
  ]);
  expect(check('POST', '/users/ann/disconnect', { key: 'k' })).toMatchObject({ id: undefined });
});
