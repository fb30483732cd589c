import { expect, test } from 'vitest';
import { locate, pathFor } from '../../src/route/locate.ts';
import { createExchange } from '../support/exchange.ts';

const router = {
  shop: { ip: '127.0.0.1', port: 1 },
  admin: { ip: '127.0.0.1', port: 2 },
  routes: [
    { path: '/shop', product: 'shop', stripPath: true },
    { host: 'admin.test', product: 'admin' },
  ],
};

test.each([
  ['/?product=shop', {}, false, 'shop', undefined],
  ['/', {}, false, 'default', undefined],
  ['/shop/cart?product=admin', {}, false, 'shop', '/cart?product=admin'],
  ['/', { host: 'admin.test' }, false, 'admin', '/'],
  // Only a trusted proxy can say which host the client asked for.
  ['/', { 'x-forwarded-host': 'admin.test' }, true, 'admin', '/'],
  ['/', { 'x-forwarded-host': 'admin.test' }, false, 'default', undefined],
] as const)('%s with %j, trusted: %s, is for %s', (url, headers, trusted, product, path) => {
  const exchange = createExchange(url, headers, { router } as never, trusted);
  const located = locate(exchange);
  expect(located).toMatchObject({ ok: true, value: { product: { ok: true, value: product } } });
  if (!located.ok || path === undefined) return;
  expect(pathFor(located.value.entry, url)).toBe(path);
});

test('nothing is served before an exchange is located', () => {
  expect(createExchange('/').destination.product).toMatchObject({ ok: false, failure: { code: 'product_unknown' } });
});
