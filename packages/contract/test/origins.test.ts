import { describe, expect, test } from 'vitest';
import { createConfig, isListed, openPages, parseConfig, whyRefused } from '../src/index.ts';

const localhostOrigins = 'never';
const none = openPages([], { localhostOrigins }, {});

/** Whether a page may come, given a list of origins, and no host of its own. */
function isLet(origin: string, ...allowedOrigins: string[]): boolean {
  const { access } = createConfig({ access: { allowedOrigins, localhostOrigins } });
  const pages = openPages(access.allowedOrigins, access, {});
  return whyRefused({ origin }, pages, { hosts: [] }, 'access.allowedOrigins') === undefined;
}

describe('a page of the own origin', () => {
  test.each([
    ['https://app.example', 'app.example', true],
    ['https://app.example', 'app.example:443', true],
    ['https://app.example:443', 'app.example', true],
    ['http://app.example:8080', 'app.example:8080', true],
    ['HTTPS://App.Example', 'app.EXAMPLE', true],
    ['https://app.example.', 'app.example', true],
    ['https://app.example', 'app.example.', true],
    ['https://app.example/', 'app.example', true],
    ['wss://app.example', 'app.example', true],
    ['ws://app.example:8080', 'app.example:8080', true],
    ['https://xn--mnchen-3ya.example', 'münchen.example', true],
    ['http://[::1]:8080', '[0:0:0:0:0:0:0:1]:8080', true],
    ['http://[2001:DB8::1]', '[2001:db8:0::1]', true],
    ['http://app.example:8080', 'app.example', false],
    ['http://app.example:8080', 'app.example:8081', false],
    ['https://app.example.evil.test', 'app.example', false],
    ['https://evil.test', 'app.example', false],
    ['https://evil.test/app.example', 'app.example', false],
    ['https://evil.test@app.example', 'app.example', false],
    ['https://app.example@evil.test', 'app.example', false],
    ['https://app.example, https://evil.test', 'app.example', false],
    ['capacitor://app.example', 'app.example', false],
    ['null', 'null', false],
    ['', '', false],
  ])('%s, asked for as %s: %s', (origin, host, comesIn) => {
    expect(whyRefused({ origin, host }, none, { hosts: [host] }, 'x') === undefined).toBe(comesIn);
  });
});

test.each([
  ['https://app.example', true],
  ['wss://app.example', true],
  ['https://app.example:443', true],
  ['http://app.example', false],
  ['ws://app.example', false],
  ['http://app.example:443', false],
  ['http://app.example:8080', false],
])('a page of %s at a server that was asked by TLS: %s', (origin, comesIn) => {
  const why = whyRefused({ origin }, none, { hosts: ['app.example', 'app.example:8080'], isSecure: true }, 'x');
  expect(why === undefined).toBe(comesIn);
  if (!comesIn) expect(why).toMatch(/Only the scheme differs.* add "http:\/\/app\.example(?::\d+)?" to x\.$/);
});

describe('an entry of the list', () => {
  test.each([
    // Written in any way that means one origin.
    ['https://app.example/', 'https://app.example', true],
    ['https://app.example:443', 'https://app.example', true],
    ['http://app.example:80', 'http://app.example', true],
    ['HTTPS://APP.Example', 'https://app.example', true],
    [' https://app.example ', 'https://app.example', true],
    ['https://app.example.', 'https://app.example', true],
    ['https://app.example', 'https://app.example.', true],
    ['wss://app.example', 'https://app.example', true],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example', true],
    ['https://[2001:DB8:0::1]', 'https://[2001:db8::1]', true],
    ['app.example', 'https://app.example', true],
    ['app.example', 'http://app.example', false],
    ['localhost:3000', 'http://localhost:3000', true],
    ['capacitor://localhost', 'capacitor://localhost', true],
    ['capacitor://localhost', 'http://localhost', false],
    ['file://', 'file://', true],
    ['https://app.example', 'http://app.example', false],
    ['https://app.example', 'https://app.example:8443', false],
    // All names below one.
    ['*.example.com', 'https://app.example.com', true],
    ['*.example.com', 'https://a.b.example.com', true],
    ['*.example.com/', 'https://app.example.com', true],
    ['https://*.EXAMPLE.com:443', 'https://app.example.com', true],
    ['*.example.com', 'https://example.com', false],
    ['*.example.com', 'https://evilexample.com', false],
    ['*.example.com', 'https://app.example.com.evil.test', false],
    ['*.example.com', 'https://.example.com', false],
    ['*.example.com', 'https://app.example.com:8443', false],
    ['*.example.com', 'http://app.example.com', false],
    ['*.example.com', 'https://evil.test?.example.com', false],
    ['http://*.example.com:8080', 'http://app.example.com:8080', true],
    ['http://*.example.com:8080', 'http://app.example.com', false],
    ['http://*.example.com:8080', 'https://app.example.com:8080', false],
    ['*', 'https://evil.test', true],
    ['*', 'null', true],
  ])('%s and a page of %s: %s', (entry, origin, comesIn) => {
    expect(isLet(origin, entry)).toBe(comesIn);
  });

  test.each([
    ['https://app.example/path', 'an origin without a path: "https://app.example"'],
    ['https://*.app.example/path', 'an origin without a path: "https://*.app.example"'],
    ['app.example/path?x', 'an origin without a path: "https://app.example"'],
    ['null', 'only "*" allows it'],
    ['https://app.*.com', 'with * only as the first label'],
    ['https://*', 'with * only as the first label'],
    ['http://localhost:*', 'with * only as the first label'],
    ['https://*.*.com', 'with * only as the first label'],
    ['*example.com', 'with * only as the first label'],
    ['*.', 'an origin of scheme, host'],
    ['*.10.0.0.1', 'a name after'],
    ['*.[::1]', 'a name after'],
    ['https://', 'an origin of scheme, host'],
    ['https://user@app.example', 'an origin of scheme, host'],
    ['https://app.example:99999', 'an origin of scheme, host'],
    ['https://a.example https://b.example', 'an origin of scheme'],
    ['/example\\.com$/', 'an origin of scheme'],
  ])('that can never match: %s', (entry, wanted) => {
    const text = JSON.stringify({ access: { allowedOrigins: ['https://a.example', entry] } });
    const parsed = parseConfig({ file: 'config/local.json', text });
    if (parsed.ok) throw new Error(`taken as ${parsed.config.access.allowedOrigins[1]}`);
    const [problem] = parsed.problems;
    expect(problem).toMatchObject({ source: 'config/local.json:1', key: 'access.allowedOrigins.1' });
    expect(problem?.found).toBe(JSON.stringify(entry));
    expect(problem?.wanted).toContain(wanted);
  });

  test('that can never match is named with the variable that gave it', () => {
    const variables = { GOPUSH_PUSH_SERVER_ALLOWED_ORIGINS: 'https://a.example, null' };
    const parsed = parseConfig({ file: 'config/local.json', text: '{}', variables });
    expect(parsed).toMatchObject({
      problems: [
        {
          source: 'environment variable GOPUSH_PUSH_SERVER_ALLOWED_ORIGINS',
          key: 'pushServer.allowedOrigins.1',
          found: '"null"',
        },
      ],
    });
  });
});

test.each([
  ['development', { GOPUSH_ENV: 'local' }, true],
  ['development', { NODE_ENV: 'development' }, true],
  ['development', {}, true],
  ['development', { GOPUSH_ENV: 'production', NODE_ENV: 'development' }, false],
  ['development', { NODE_ENV: 'production' }, false],
  ['development', { GOPUSH_ENV: 'staging' }, false],
  ['never', { GOPUSH_ENV: 'local' }, false],
  ['always', { GOPUSH_ENV: 'production' }, true],
] as const)('pages of this machine, with %s and %o: %s', (setting, variables, comesIn) => {
  const pages = openPages([], { localhostOrigins: setting }, variables);
  const isIn = (origin: string): boolean =>
    whyRefused({ origin }, pages, { hosts: ['gateway.test'] }, 'x') === undefined;
  for (const origin of [
    'http://localhost:5173',
    'https://localhost',
    'http://127.0.0.1:1',
    'http://[::1]:5173',
    'http://app.localhost:5173',
  ]) {
    expect([origin, isIn(origin)]).toEqual([origin, comesIn]);
  }
  for (const origin of [
    'http://localhost.evil.test',
    'http://evillocalhost',
    'http://127.0.0.1.evil.test',
    'http://192.168.0.2:5173',
    'capacitor://localhost',
    'null',
  ]) {
    expect([origin, isIn(origin)]).toEqual([origin, false]);
  }
});

test.each([
  [{}, 'localhost:6003', true],
  [{}, '192.168.0.2:6003', true],
  [{}, '[::1]:6003', true],
  [{}, 'gateway', true],
  [{}, 'gateway.internal', true],
  [{ GOPUSH_ENV: '', NODE_ENV: '' }, 'gateway.example', false],
  [{}, 'gateway.example', false],
  [{}, 'GATEWAY.Example.:443', false],
  [{}, 'localhost.evil.example', false],
  [{ NODE_ENV: 'development' }, 'gateway.example', true],
  [{ GOPUSH_ENV: 'local' }, 'gateway.example', false],
  [{ GOPUSH_ENV: 'local' }, 'localhost', true],
])('with %o, pages of this machine at a server that was asked as %s: %s', (variables, host, comesIn) => {
  const pages = openPages([], { localhostOrigins: 'development' }, variables);
  const origin = 'http://localhost:5173';
  expect(whyRefused({ origin }, pages, { hosts: [host] }, 'x') === undefined).toBe(comesIn);
  expect(isListed({ origin, host }, pages)).toBe(comesIn);
});

test('a refusal names the origin, what it was compared with, and the setting, in characters that no log minds', () => {
  const why = whyRefused(
    { origin: 'https://evil.test' },
    none,
    { hosts: ['gateway.test:8080'] },
    'access.allowedOrigins',
  );
  expect(why).toBe(
    'The origin of the page is "https://evil.test". It was compared with Host "gateway.test:8080" and with access.allowedOrigins. To allow it, add "https://evil.test" to access.allowedOrigins.',
  );
  const port = whyRefused(
    { origin: 'http://gateway.test:8080' },
    none,
    { hosts: ['gateway.test'] },
    'access.allowedOrigins',
  );
  expect(port).toContain('Only the port differs: a proxy in front should pass the Host header with its port');
  expect(whyRefused({ origin: 'null' }, none, { hosts: ['a'] }, 'x')).toContain(
    'Such an origin cannot be listed: only "*" allows it.',
  );
  const nasty =
    whyRefused({ origin: `x\r\n\u001b[31m"\u2028é${'a'.repeat(9_000)}` }, none, { hosts: ['a"b'] }, 'x') ?? '';
  expect(nasty).toMatch(/^[ -~]+$/);
  expect(nasty.length).toBeLessThan(500);
});
