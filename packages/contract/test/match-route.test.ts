import { expect, test } from 'vitest';
import { createRouteTable, isRoutes, matchRoute, parseRoutes, type RouteInput } from '../src/index.ts';

const products = new Set(['default', 'root', 'public', 'admin', 'deep', 'api', 'wild', 'wider', 'umlaut']);

function tableOf(routes: readonly RouteInput[]) {
  const parsed = parseRoutes(routes, products);
  if (typeof parsed === 'string') throw new Error(parsed);
  return createRouteTable(parsed);
}

function productAt(routes: readonly RouteInput[], url: string, host?: string): string | undefined {
  const found = matchRoute(tableOf(routes), host, url);
  return typeof found === 'object' ? found.product : found;
}

const byPath: readonly RouteInput[] = [
  { path: '/public', product: 'public' },
  { path: '/admin', product: 'admin' },
  { path: '/admin/deep/', product: 'deep' },
  { path: '/büro', product: 'umlaut' },
];

test.each([
  ['/public', 'public'],
  ['/public/', 'public'],
  ['/public?product=admin', 'public'],
  ['/public/a.b/c', 'public'],
  ['/publicity', undefined],
  ['/', undefined],
  ['/admin/deep', 'deep'],
  ['/admin/deep/x', 'deep'],
  ['/admin/deeper', 'admin'],
  ['/b%C3%BCro', 'umlaut'],
  ['/b%c3%bcro/x', 'umlaut'],
])('%s belongs to %s: whole segments count, and the longest path', (url, product) => {
  expect(productAt(byPath, url)).toBe(product);
});

test.each([
  '/public/a%2Fb',
  '/public/https%3A%2F%2Fexample.com%2Fx',
  '/public/A/x;v=1/100%',
  '/public/a//b',
  '/public/x/y/z/../w',
  '/public/%41',
  '/public/a%2F..%2Fb',
  '/public/%40a%3Ab',
])('%s stays with its route, as every server reads it so', (url) => {
  expect(productAt(byPath, url)).toBe('public');
});

test.each([
  '/public/../admin',
  '/public/%2e%2e/admin',
  '/public/.%2E/admin',
  '/public%2f..%2fadmin',
  '/public/..%2fadmin',
  '/public/..%5cadmin',
  '/public/..\\admin',
  '/public/%252e%252e/admin',
  '/public/..;/admin',
  '/public/..;a=b/admin',
  '/public/x/..//../admin',
  '/public/../admin//../public',
  '/public/a%2fb/../../admin',
  '/public/..%00/admin',
  '/public/..%c0%afadmin',
  '/public/\uff0e\uff0e/admin',
  '/x/../admin',
  '/./admin',
  '//admin',
  '/%61dmin',
  '/ad%6Din/x',
  '/Admin',
  '/ADMIN/x',
  '/admin;x',
  '/admin%3bx',
  '/admin%00',
  '/admin%3fx',
  '/admin%20',
  '/admin.',
  '/%2fadmin',
  '/\\admin',
  '\\admin',
  '/admin//deep',
  '/admin/./deep',
  '/admin/Deep',
  '/admin%2fdeep',
  '/publi%63/x',
  '//x/admin',
  '//user@x:80/admin/y',
  '///x/admin',
  '/\\x/admin',
  '/%2fx/admin',
  '/public/a%2f..%2f..%2fadmin',
  '/public/a/b%2f..%5c..%2f..%2fadmin',
  '/public/a/%2f..%2f..%2fadmin',
])('%s is refused: some server may read another route in it', (url) => {
  expect(productAt(byPath, url)).toBe('ambiguous');
});

test.each([
  ['/Shop?product=api', undefined],
  ['//shop/x?product=api', undefined],
  ['//x/shop?product=api', undefined],
  ['/shop;v=1?product=api', undefined],
  ['/Shop', 'ambiguous'],
  ['/Shop?product=api&product=api', 'ambiguous'],
  ['/Public?product=api', 'ambiguous'],
  ['/Stripped?product=api', 'ambiguous'],
  ['/shop/../public?product=api', 'ambiguous'],
])('%s: %s, as it may go on where the route that some servers read does the same', (url, expected) => {
  const routes = [
    { path: '/shop', product: 'api' },
    { path: '/public', product: 'api', public: true },
    { path: '/stripped', product: 'api', stripPath: true },
  ];
  expect(productAt(routes, url)).toBe(expected);
});

test.each([
  ['/%40scope/x', 'api'],
  ['/%7Eann', 'wild'],
  ['/~ann/%7Eann', 'wild'],
  ['/%40Scope/x', 'ambiguous'],
  ['/%2540scope/x', 'ambiguous'],
])('%s belongs to %s: some clients escape what needs no escape', (url, product) => {
  const routes = [
    { path: '/@scope', product: 'api' },
    { path: '/~ann', product: 'wild' },
  ];
  expect(productAt(routes, url)).toBe(product);
});

test('without routes nothing is looked at', () => {
  expect(matchRoute(createRouteTable([]), 'a', '/x/../y')).toBeUndefined();
});

const byHost: readonly RouteInput[] = [
  { path: '/api', product: 'root' },
  { path: '/', product: 'default' },
  { host: '*.example.com', product: 'wild' },
  { host: '*.eu.example.com', product: 'wider' },
  { host: 'API.example.com.', product: 'api' },
  { host: 'api.example.com', path: '/admin', product: 'admin' },
  { host: 'bücher.example', product: 'umlaut' },
  { host: '[::1]', product: 'deep' },
];

test.each([
  ['api.example.com', '/', 'api'],
  ['API.Example.com:8443', '/x', 'api'],
  ['api.example.com.', '/x', 'api'],
  ['api.example.com.:80', '/x', 'api'],
  ['api.example.com', '/admin/x', 'admin'],
  ['api.example.com', '/api', 'api'],
  ['www.example.com', '/api', 'wild'],
  ['a.eu.example.com', '/', 'wider'],
  ['a.b.example.com', '/', 'wild'],
  ['example.com', '/', 'default'],
  ['.example.com', '/', 'default'],
  ['example.com', '/api/x', 'root'],
  ['evilapi.example.com.org', '/', 'default'],
  ['xn--bcher-kva.example', '/', 'umlaut'],
  ['[::1]:80', '/', 'deep'],
  [undefined, '/api', 'root'],
  ['', '/', 'default'],
])('%s%s belongs to %s: an exact host before wildcards, these before none', (host, url, product) => {
  expect(productAt(byHost, url, host)).toBe(product);
});

test.each<[unknown, RegExp]>([
  [{ path: '/x' }, /^routes\[0\]: product: found undefined, wanted a product of this router: default, /],
  [{ path: '/x', product: 'x' }, /product: found "x", wanted a product/],
  [{ path: 'x', product: 'api' }, /path: found "x", wanted a path such as \/chat/],
  [{ path: '/a/../b', product: 'api' }, /path: found/],
  [{ path: '/a//b', product: 'api' }, /path: found/],
  [{ path: '/a?b', product: 'api' }, /path: found/],
  [{ path: '/a%2fb', product: 'api' }, /path: found/],
  [{ path: 7, product: 'api' }, /path: found a number/],
  [{ host: 'a:80', product: 'api' }, /host: found "a:80", wanted a host name .* without a port/],
  [{ host: 'https://a', product: 'api' }, /host: found/],
  [{ host: '*', product: 'api' }, /host: found/],
  [{ host: 'a.*.b', product: 'api' }, /host: found/],
  [{ host: '', product: 'api' }, /host: found/],
  [{ product: 'api' }, /neither path nor host/],
  [{ paht: '/x', product: 'api' }, /paht: found an unknown key, wanted one of .*did you mean path/],
  [{ host: 'a', product: 'api', stripPath: true }, /stripPath: found true without a path/],
  [{ path: '/x', product: 'api', stripPath: 'yes' }, /stripPath: found "yes", wanted true or false/],
  ['/x', /found text, wanted/],
  [null, /found null, wanted/],
])('%j is no route', (entry, problem) => {
  expect(parseRoutes([entry], products)).toMatch(problem);
});

test('two routes for one host and path, or for paths that differ by case alone, are refused', () => {
  const two = (path: string, other: string) =>
    parseRoutes(
      [
        { path, product: 'api' },
        { path: other, product: 'admin' },
      ],
      products,
    );
  expect(two('/a', '/a/')).toBe('routes[1]: it has the same host and path as routes[0]');
  expect(two('/a', '/A')).toMatch(/same host and path/);
  expect(two('/a', '/b')).toHaveLength(2);
});

test('a product may still be called routes', () => {
  expect(isRoutes([{ ip: '127.0.0.1', port: 80 }])).toBe(false);
  expect(isRoutes('push-server')).toBe(false);
  expect(isRoutes([])).toBe(true);
});

test('the work for a long path grows with its length, and not faster', () => {
  const table = tableOf(byPath);
  const before = process.cpuUsage();
  for (const piece of ['.', '%2e', '/..', ';', '%25', '%', 'a/', '\\', '/%41', '..%2f']) {
    matchRoute(table, 'a', `/x${piece.repeat(64_000 / piece.length)}x`);
  }
  // Some 50 ms, against many seconds were it the square.
  expect(process.cpuUsage(before).user).toBeLessThan(1_500_000);
});
