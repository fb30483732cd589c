import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { identify } from '../../src/api/identify.ts';
import { createKeyRing } from '../../src/api/request/keys.ts';

const key = 'k'.repeat(32);

function start(scopes: readonly string[] = ['read'], perSecond = 10) {
  const ring = createKeyRing({ keys: [{ name: 'backend', key, scopes }], perSecond } as never);
  return (method: string, path: string, given = key) =>
    identify({ method, headers: { 'x-api-key': given } } as unknown as IncomingMessage, path, ring);
}

test('a request is identified by its key, route and scope, in this order', () => {
  const ask = start();
  expect(ask('GET', '/rooms', 'wrong')).toMatchObject({ failure: { code: 'api_key_unknown' } });
  expect(ask('GET', '/nothing')).toMatchObject({ failure: { code: 'not_found' } });
  expect(ask('POST', '/rooms')).toMatchObject({ failure: { code: 'method_unsupported' }, headers: { allow: 'GET' } });
  expect(ask('POST', '/notify')).toMatchObject({ failure: { code: 'api_scope_missing' } });
  expect(ask('GET', '/rooms/a%2Fb/presence')).toMatchObject({
    holder: { name: 'backend' },
    found: { route: { path: '/rooms/{room}/presence' }, params: { room: 'a/b' } },
  });
  expect(ask('GET', '/openapi.json')).toEqual({ document: true });
});

test('a key that asks too often is told when to retry, whatever it asks for', () => {
  const ask = start(['read'], 1);
  ask('GET', '/rooms');
  expect(ask('GET', '/nothing')).toMatchObject({
    failure: { code: 'too_many_requests' },
    headers: { 'retry-after': '1' },
  });
});
