import { expect, test } from 'vitest';
import { parseConfig } from '../src/index.ts';

function redisOf(text: string, variables: Record<string, string>, secrets?: string): unknown {
  const file = secrets === undefined ? {} : { secrets: { file: 'config/secrets.json', text: secrets } };
  const parsed = parseConfig({ file: 'config/local.json', text, variables, ...file });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config.redisAdapter;
}

function faultOf(text: string, variables: Record<string, string>): string {
  const parsed = parseConfig({ file: 'config/local.json', text, variables });
  if (parsed.ok) throw new Error('no problem');
  return parsed.problems.map(({ source, key, found, wanted }) => `${source}: ${key}: ${found}; ${wanted}`).join('\n');
}

const sentinels = [
  { host: 'a', port: 26379 },
  { host: 'b', port: 5 },
];

test.each([
  ['REDISS://h/', { host: 'h', port: 6379, tls: true }],
  ['redis://u:@h', { username: 'u', password: '' }],
  ['redis://u:a:b@h', { username: 'u', password: 'a:b' }],
  ['redis://u:a@b@h', { username: 'u', password: 'a@b' }],
  ['redis://h?db=3', { host: 'h', db: 3 }],
  ['redis+sentinel://u:p@a,b:5/main/1', { sentinels, sentinelName: 'main', db: 1, username: 'u', password: 'p' }],
  ['redis-sentinel://p:w@a,b:5/2?sentinelMasterId=main', { sentinels, sentinelName: 'main', db: 2, password: 'w' }],
  [
    'rediss+sentinel://a,b:5/main?sentinelUsername=s&sentinelPassword=t',
    { tls: true, sentinelUsername: 's', sentinelPassword: 't' },
  ],
  [
    'rediss+cluster://:p@a,b:5',
    {
      tls: true,
      password: 'p',
      cluster: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 5 },
      ],
    },
  ],
  ['redis+unix:///run/redis/redis.sock?db=1', { path: '/run/redis/redis.sock', db: 1 }],
  ['unix://:p%2Fw@/run/redis.sock', { path: '/run/redis.sock', password: 'p/w' }],
  ['redis-socket:///run/redis.sock?database=2', { path: '/run/redis.sock', db: 2 }],
])('%s is read', (url, expected) => {
  for (const variable of ['REDIS_URL', 'GOPUSH_REDIS_ADAPTER']) {
    expect(redisOf('{}', { [variable]: url })).toMatchObject(expected);
  }
  expect(redisOf(JSON.stringify({ redisAdapter: url }), {})).toMatchObject(expected);
});

test.each([
  ['localhost:6379', 'no scheme'],
  ['redis:/localhost', 'no scheme'],
  ['mysql://h', 'mysql is not a scheme of Redis'],
  ['redis://', 'a host or port is missing or invalid'],
  ['redis://h:99999', 'redisAdapter.port'],
  ['redis://u:hunter2/x@h', 'a host or port is missing or invalid'],
  ['redis://u:hunter2#x@h', '%23'],
  ['redis://u:hunter2%@h', '%25'],
  ['redis://hunter2@h', 'a user without a password'],
  ['redis://h,i', 'several hosts'],
  ['redis://h/1/2', 'more than one part'],
  ['redis://h/name', 'database is not a number'],
  ['redis://h?tls=true', 'the unknown parameter tls'],
  ['redis://h?sentinelPassword=hunter2', 'the unknown parameter sentinelPassword'],
  ['redis+sentinel://a/main/1/2', 'more than two parts'],
  ['redis+sentinel://a/main/x', 'database is not a number'],
  ['redis+sentinel://a/1/2', 'name of its master is a number'],
  ['redis+cluster://a/3', 'a cluster has only database 0'],
  ['redis+unix://run/redis.sock', 'has no socket path'],
])('%s is refused, and nothing of it is shown that may be secret', (url, fault) => {
  const said = faultOf('{}', { REDIS_URL: url });
  expect(said).toContain('environment variable REDIS_URL: redisAdapter');
  expect(said).toContain(fault);
  expect(said).not.toContain('hunter2');
  for (const text of [url, { redisAdapter: url }]) {
    if (typeof text === 'string') expect(faultOf('{}', { GOPUSH_REDIS_ADAPTER: text })).not.toContain('hunter2');
    else expect(faultOf(JSON.stringify(text), {})).not.toContain('hunter2');
  }
});

test('an address replaces where Redis is, and leaves what it cannot say', () => {
  const text = JSON.stringify({
    redisAdapter: { host: 'old', db: 4, prefix: 'mine', fanout: 'streams', tlsOptions: { ca: 'ca.pem' }, tls: true },
  });
  expect(redisOf(text, { REDIS_URL: 'rediss://new' }, '{"redisAdapter": {"password": "p"}}')).toMatchObject({
    host: 'new',
    prefix: 'mine',
    fanout: 'streams',
    tls: true,
    tlsOptions: { ca: 'ca.pem' },
    password: 'p',
  });
  expect(redisOf(text, { REDIS_URL: 'rediss://new' })).not.toHaveProperty('db');
  expect(redisOf(text, { REDIS_URL: 'rediss://u:q@new' }, '{"redisAdapter": {"password": "p"}}')).toMatchObject({
    username: 'u',
    password: 'q',
  });
  expect(redisOf('{"redisAdapter": "redis://h"}', {}, '{"redisAdapter": {"password": "p"}}')).toMatchObject({
    host: 'h',
    password: 'p',
  });
});

test.each([
  [{ tlsOptions: { ca: 'ca.pem' } }, 'redisAdapter.tls: '],
  [{ tls: true, tlsOptions: { cert: 'c.pem' } }, 'redisAdapter.tlsOptions.key: '],
  [{ tls: true, tlsOptions: { key: 'k.pem' } }, 'redisAdapter.tlsOptions.cert: '],
  [{ tls: true, tlsOptions: { caFile: 'c.pem' } }, 'redisAdapter.tlsOptions.caFile: an unknown key'],
  [{ cluster: [{ host: 'a', port: 1 }], sentinels: [{ host: 'a', port: 1 }] }, 'redisAdapter.cluster: '],
  [{ cluster: [{ host: 'a', port: 1 }], db: 1 }, 'redisAdapter.db: '],
  [{ path: '/s', sentinels: [{ host: 'a', port: 1 }] }, 'redisAdapter.path: '],
])('settings that contradict each other are refused: %j', (redisAdapter, fault) => {
  expect(faultOf(JSON.stringify({ redisAdapter }), {})).toContain(fault);
});

test('certificates that are not checked are a warning', () => {
  const text = '{"redisAdapter": {"tls": true, "tlsOptions": {"rejectUnauthorized": false}}}';
  expect(parseConfig({ file: 'f', text })).toMatchObject({
    ok: true,
    warnings: [expect.stringMatching(/^redisAdapter\.tlsOptions\.rejectUnauthorized is false/)],
  });
});

test('each setting has a variable', () => {
  const variables = {
    GOPUSH_REDIS_ADAPTER_TLS: 'true',
    GOPUSH_REDIS_ADAPTER_TLS_OPTIONS_CA: '-----BEGIN CERTIFICATE-----',
    GOPUSH_REDIS_ADAPTER_TLS_OPTIONS_REJECT_UNAUTHORIZED: 'true',
    GOPUSH_REDIS_ADAPTER_SENTINEL_PASSWORD: 's',
  };
  expect(redisOf('{}', variables)).toMatchObject({
    tls: true,
    sentinelPassword: 's',
    tlsOptions: { ca: '-----BEGIN CERTIFICATE-----' },
  });
});
