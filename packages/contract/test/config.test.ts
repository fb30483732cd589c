import fc from 'fast-check';
import { expect, test } from 'vitest';
import { environmentName } from '../src/config/environment-name.ts';
import { configJsonSchema, createConfig, formatConfigProblems, listVariables, parseConfig } from '../src/index.ts';

function problemsOf(text: string, variables: Record<string, string> = {}): string {
  const parsed = parseConfig({ file: 'config/local.json', text, variables });
  return parsed.ok ? '' : formatConfigProblems(parsed.problems);
}

function configOf(text: string, variables: Record<string, string> = {}) {
  const parsed = parseConfig({ file: 'config/local.json', text, variables });
  if (!parsed.ok) throw new Error(formatConfigProblems(parsed.problems));
  return parsed.config;
}

test('a file of gopush 0.1 is read as it is, comments and trailing commas among it', () => {
  const config = configOf(`{
    // comment
    "agentPort": 80, "agentWorkers": 4, /* more */
    "serverPortStart": 5000, "serverWorkers": 3,
    "redisAdapter": { "host": "redis.test", "port": 6380, },
  }`);
  expect(config).toMatchObject({
    agentPort: 80,
    agentWorkers: 4,
    serverPortStart: 5000,
    serverWorkers: 3,
    redisAdapter: { host: 'redis.test', port: 6380 },
  });
});

test.each([
  [
    'an unknown key',
    '{\n"agentPrt": 1}',
    'config/local.json:2: agentPrt: found an unknown key, wanted one of agentPort, agentWorkers, .*; did you mean agentPort\\?',
  ],
  [
    'an unknown key in a group',
    '{"agent": {"drianMs": 1}}',
    'config/local.json:1: agent.drianMs: found an unknown key, .*did you mean drainMs\\?',
  ],
  ['a wrong type', '{"agentPort": "x"}', 'agentPort: found "x", wanted a whole number from 0 to 65535'],
  ['a fraction', '{"agentPort": 1.5}', 'agentPort: found 1.5, wanted a whole number'],
  [
    'a port out of range',
    '{"serverPortStart": 65536}',
    'serverPortStart: found 65536, wanted a whole number from 0 to 65535',
  ],
  [
    'a nested port out of range',
    '{"redisAdapter": {"port": 0}}',
    'redisAdapter.port: found 0, wanted a whole number from 1 to 65535',
  ],
  [
    'a list of the wrong things',
    '{"access": {"allowedOrigins": ["a", 3]}}',
    'access.allowedOrigins.1: found 3, wanted text',
  ],
  [
    'a network without its size',
    '{"access": {"trustedProxies": ["10.0.0.1"]}}',
    'access.trustedProxies.0: found "10.0.0.1", wanted a network such as "10.0.0.0/8" or "fd00::/8"',
  ],
  [
    'a certificate without its key',
    '{"agent": {"tls": {"certFile": "a"}}}',
    'agent.tls.keyFile: found nothing, wanted text',
  ],
  ['no such choice', '{"log": {"level": "loud"}}', 'log.level: found "loud", wanted one of "trace", "debug"'],
  ['a syntax error', '{\n\n"agentPort": }', 'config/local.json:3: found a syntax error'],
  ['a list', '[]', 'config/local.json: found \\[\\], wanted an object'],
  ['a group that is null', '{"agent": null}', 'agent: found null, wanted an object'],
  ['__proto__', '{"__proto__": {"agentPort": 1}}', '__proto__'],
])('%s is named with file, line, key, what was found and what is wanted', (_name, text, message) => {
  expect(problemsOf(text)).toMatch(new RegExp(message));
});

test('all problems come at once, and a password is never shown', () => {
  const message = problemsOf('{"agentPort": -1, "redisAdapter": {"password": 12345}, "nope": 1}');
  expect(message.split('\n')).toHaveLength(3);
  expect(message).toContain('redisAdapter.password: found (hidden), wanted text');
  expect(message).not.toContain('12345');
});

test('every setting has a variable of its own, and its default goes through it unchanged', () => {
  const variables = listVariables(configJsonSchema());
  expect(new Set(variables.map(({ name }) => name)).size).toBe(variables.length);
  const defaults = createConfig() as unknown as Record<string, unknown>;
  for (const { name, path } of variables) {
    const value = path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | null)?.[key], defaults);
    if (value === undefined) continue;
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    const config = configOf('{}', { [name]: text }) as unknown;
    expect(path.reduce((inner, key) => (inner as Record<string, unknown>)[key], config)).toEqual(value);
  }
});

test('a variable comes before the file, and its mistakes name it', () => {
  expect(configOf('{"agentPort": 1}', { GOPUSH_AGENT_PORT: '2' }).agentPort).toBe(2);
  expect(
    configOf('{}', { GOPUSH_ACCESS_ALLOWED_ORIGINS: 'https://a.test, https://b.test' }).access.allowedOrigins,
  ).toEqual(['https://a.test', 'https://b.test']);
  expect(configOf('{"redisAdapter": {}}', { GOPUSH_REDIS_ADAPTER: 'null' }).redisAdapter).toBeNull();
  expect(problemsOf('{}', { GOPUSH_AGENT_PORT: 'abc' })).toBe(
    'environment variable GOPUSH_AGENT_PORT: agentPort: found "abc", wanted a whole number from 0 to 65535',
  );
  expect(problemsOf('{}', { GOPUSH_HOOKS_WATCH: 'yes' })).toMatch(
    /GOPUSH_HOOKS_WATCH: hooks.watch: found "yes", wanted true or false/,
  );
});

test("a variable that is no setting is a warning, for it may be a hook's own", () => {
  const parsed = parseConfig({ file: 'f', text: '{}', variables: { GOPUSH_AGENT_PROT: '1', GOPUSH_ENV: 'x' } });
  expect(parsed).toMatchObject({
    ok: true,
    warnings: ['environment variable GOPUSH_AGENT_PROT is not a setting of gopush; did you mean GOPUSH_AGENT_PORT?'],
  });
});

test.each([
  ['redis://h', { host: 'h', port: 6379 }],
  ['redis://h:1/3', { host: 'h', port: 1, db: 3 }],
  ['redis://me:p%40ss@h', { host: 'h', username: 'me', password: 'p@ss' }],
  ['redis://:secret@h', { password: 'secret' }],
  ['rediss://h', { host: 'h', tls: true }],
  ['redis://[::1]:7', { host: '::1', port: 7 }],
  [
    'redis+cluster://a:1,b:2',
    {
      cluster: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    },
  ],
  [
    'redis+sentinel://a,b:2/main',
    {
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 2 },
      ],
      sentinelName: 'main',
    },
  ],
])('REDIS_URL %s', (url, expected) => {
  expect(configOf('{}', { REDIS_URL: url }).redisAdapter).toMatchObject(expected);
});

test.each(['http://h', 'redis://', 'redis://a,b', 'redis://h/x', 'h:6379', 'redis://u:%zz@h'])(
  'REDIS_URL %s is refused without being shown',
  (url) => {
    expect(problemsOf('{}', { REDIS_URL: url })).toMatch(
      /^environment variable REDIS_URL: redisAdapter: found an invalid address/,
    );
  },
);

test('whatever a file or a variable holds, there is an answer', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(typeof parseConfig({ file: 'f', text }).ok).toBe('boolean');
    }),
  );
  const names = [...listVariables(configJsonSchema()).map(({ name }) => name), 'REDIS_URL'];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string(), (name, value) => {
      expect(typeof parseConfig({ file: 'f', text: '{}', variables: { [name]: value } }).ok).toBe('boolean');
    }),
    { numRuns: 500 },
  );
});

test('the settings are frozen, and what a program gave stays as it was', () => {
  const given = { agentPort: 1, agent: { drainMs: 5 } };
  const config = createConfig(given);
  expect(
    Object.isFrozen(config) && Object.isFrozen(config.agent) && Object.isFrozen(config.access.allowedOrigins),
  ).toBe(true);
  expect(Object.isFrozen(given.agent)).toBe(false);
  expect(given).toEqual({ agentPort: 1, agent: { drainMs: 5 } });
});

test.each([
  ['api.keys.0.key', (key: string) => ({ api: { keys: [{ name: 'a', key, scopes: ['read' as const] }] } })],
  ['admin.keys.0.key', (key: string) => ({ admin: { keys: [{ name: 'a', key }] } })],
])('%s has no spaces: a bearer token ends there, so that nobody could use the key', (path, config) => {
  expect(() => createConfig(config('a-key-of-at-least-24-characters'))).not.toThrow();
  for (const key of ['a key of at least 24 characters', 'a-key-of-at-least-24-chäracters']) {
    expect(() => createConfig(config(key))).toThrow(
      `${path}: found (hidden), wanted a key of ASCII characters, without spaces`,
    );
  }
});

test('a program may give the address of Redis as text', () => {
  const given = { redisAdapter: 'rediss://ann:pass@redis.internal:6380/1' };
  expect(createConfig(given).redisAdapter).toMatchObject({
    ...{ host: 'redis.internal', port: 6380, db: 1, tls: true, username: 'ann', password: 'pass' },
    prefix: 'gopush',
  });
  expect(given).toEqual({ redisAdapter: 'rediss://ann:pass@redis.internal:6380/1' });
  expect(() => createConfig({ redisAdapter: 'http://ann:a-word@redis.internal' })).toThrow(
    /^redisAdapter: found an invalid address: (?!.*a-word).*, wanted .*redis:\/\//,
  );
  // @ts-expect-error Neither settings nor an address.
  expect(() => createConfig({ redisAdapter: 6379 })).toThrow(/^redisAdapter: .* or null$/);
});

test.each([
  [undefined, {}, 'local'],
  [undefined, { NODE_ENV: 'test' }, 'test'],
  [undefined, { NODE_ENV: 'test', GOPUSH_ENV: 'stage' }, 'stage'],
  ['asked', { GOPUSH_ENV: 'stage' }, 'asked'],
])('--env %s with %j is %s', (asked, variables, name) => {
  expect(environmentName(asked, variables)).toBe(name);
});

test('an environment name cannot leave the folder', () => {
  expect(() => environmentName('../x', {})).toThrow(/a name consists of/);
});

test.each([
  ['live', 'a path such as'],
  ['', 'a path such as'],
  ['/', 'a path such as'],
  ['//', 'a path such as'],
  ['/a//b', 'a path such as'],
  ['/a/../b', 'a path such as'],
  ['/.', 'a path such as'],
  ['/a b', 'a path such as'],
  ['/a?b', 'a path such as'],
  ['/%61', 'a path such as'],
  ['/é', 'a path such as'],
  [`/${'x'.repeat(128)}`, 'a path such as'],
  ['/api', "a path other than that of the HTTP API ('/api/v1')"],
  ['/api/v1', "a path other than that of the HTTP API ('/api/v1')"],
  ['/api/v1/live/', "a path other than that of the HTTP API ('/api/v1')"],
])('pushServer.path %j is refused by name, with what was found and is wanted', (path, wanted) => {
  const parsed = parseConfig({ file: 'f.json', text: JSON.stringify({ pushServer: { path } }) });
  const text = parsed.ok ? 'taken' : formatConfigProblems(parsed.problems);
  expect(text).toMatch(/f\.json:1.*pushServer\.path/);
  expect(text).toContain(wanted);
  expect(text).toContain(JSON.stringify(path).slice(0, 60));
});

test.each(['/live', '/live/', '/a.b/c-d_e~f', '/api/live', '/...'])('pushServer.path %j is taken', (path) => {
  expect(createConfig({ pushServer: { path } }).pushServer.path).toBe(path === '/live/' ? '/live' : path);
});

test.each<[string, unknown, string | undefined]>([
  ['agent.drainMs', '30s', 'did you mean 30000 (ms)?'],
  ['agent.drainMs', '30 sec', 'did you mean 30000 (ms)?'],
  ['agent.drainMs', '1.5m', 'did you mean 90000 (ms)?'],
  ['agent.drainMs', '2 minutes', 'did you mean 120000 (ms)?'],
  ['agent.drainMs', '1 hour', 'did you mean 3600000 (ms)?'],
  ['agent.drainMs', '500ms', 'did you mean 500 (ms)?'],
  ['agent.drainMs', '500', 'did you mean 500, without quotes?'],
  ['agent.drainMs', 1.6, 'did you mean 2?'],
  ['agent.drainMs', 'soon', undefined],
  ['agent.drainMs', -1, undefined],
  ['agent.maxHeaderBytes', '16kb', 'did you mean 16384 (bytes)?'],
  ['pushServer.storeMaxBytes', '2 GiB', 'did you mean 2147483648 (bytes)?'],
  ['pushServer.maxMessageBytes', '1MB', 'did you mean 1048576 (bytes)?'],
  ['routing.retryPercent', '20%', 'did you mean 20?'],
  ['routing.discover', 'true', 'did you mean true?'],
  ['routing.discover', 'yes', 'did you mean true?'],
  ['routing.discover', 0, 'did you mean false?'],
  ['routing.choose', 'Hash', 'did you mean "hash"?'],
  ['access.trustedProxies', '10.0.0.0/8', 'did you mean ["10.0.0.0/8"]?'],
  ['pushServer.publicDir', 5, 'did you mean "5"?'],
])('a value of the wrong type has what was probably meant: %s %j', (key, value, hint) => {
  const input = key.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  const parsed = parseConfig({ file: 'f', text: JSON.stringify(input) });
  const text = parsed.ok ? 'taken' : formatConfigProblems(parsed.problems);
  if (hint === undefined) expect(text).toMatch(/found [^;]*$/);
  else expect(text).toMatch(new RegExp(`; ${hint.replaceAll(/[()[\]?.]/g, '\\$&')}$`));
});

test('numbers of gopush 0.1 as text are taken with a word, others are not', () => {
  const text = '{ "agentPort": "6003", "redisAdapter": { "port": "6379", "auth_pass": "x", "key": "y" } }';
  const parsed = parseConfig({ file: 'f', text });
  expect(parsed.ok ? [] : parsed.problems.map(({ key, wanted }) => [key, wanted.replace(/^.*; /, '')])).toEqual([
    ['redisAdapter.auth_pass', 'it was renamed to redisAdapter.password'],
    ['redisAdapter.key', 'it was renamed to redisAdapter.prefix'],
  ]);
  const taken = parseConfig({ file: 'f', text: '{ "agentPort": "6003", "mongodb": "mongodb://x:hunter2@y" }' });
  expect(taken).toMatchObject({ ok: true, config: { agentPort: 6003 } });
  expect(taken.ok && taken.warnings).toEqual([
    expect.stringMatching(/^f:1: mongodb/),
    expect.stringMatching(/^f:1: agentPort: "6003" is read as 6003/),
  ]);
  expect(JSON.stringify(taken)).not.toContain('hunter2');
});
