import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { type ConfigInput, createConfig, type RedisConfig } from '@gopush/contract';
import { listen } from '@gopush/service';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRedisClient, openRedisStore, type Store } from '../src/index.ts';
import { freePort, startRedis, startRedisCluster } from './support/redis.ts';
import { type Certificates, makeCertificates, startTlsRedis } from './support/redis-tls.ts';
import { closedWithTest, temporaryFolder } from './support/stores.ts';

const cleanups: (() => Promise<void>)[] = [];
const cleanup = (work: () => Promise<void>): void => void cleanups.push(work);
afterAll(async () => {
  for (const work of cleanups.reverse()) await work();
});

const secret = 'hunter2';
const limits = { count: 10, ageMs: 60_000, bytes: 1_000 };
let certificates: Certificates;
let others: Certificates;
let ports: { plain: number; tls: number; mutual: number; named: number; cluster: readonly number[] };
let socketPath: string;

beforeAll(async () => {
  [certificates, others] = await Promise.all([makeCertificates(cleanup), makeCertificates(cleanup, 'DNS:redis.test')]);
  socketPath = join(await temporaryFolder(cleanup), 'redis.sock');
  const [plain, tls, mutual, named, cluster] = await Promise.all([
    startRedis(['--requirepass', secret, '--databases', '2', '--unixsocket', socketPath], undefined, cleanup),
    startTlsRedis(certificates, ['--requirepass', secret], cleanup),
    startTlsRedis(certificates, [], cleanup, 'yes'),
    startTlsRedis(others, [], cleanup),
    startRedisCluster(cleanup),
  ]);
  ports = { plain: plain.port, tls: tls.port, mutual: mutual.port, named: named.port, cluster: cluster.ports };
  const admin = createRedisClient(configOf({ port: plain.port, password: secret }), 1);
  await admin.call('ACL', 'SETUSER', 'reader', 'on', `>${secret}`, '~*', '&*', '+@all', '-eval', '-evalsha', '-script');
  await admin.call('ACL', 'SETUSER', 'elsewhere', 'on', `>${secret}`, '~other:*', '&*', '+@all');
  admin.disconnect();
});

function configOf(redisAdapter: object): RedisConfig {
  return createConfig({ redisAdapter } as ConfigInput).redisAdapter as RedisConfig;
}

async function open(redisAdapter: object): Promise<Store> {
  return closedWithTest(await openRedisStore(configOf({ host: 'localhost', ...redisAdapter })));
}

test('with an authority of its own, a certificate of ours, a name and a password: by files, by PEM, and by a socket', async () => {
  const { ca, client } = certificates;
  const stores = await Promise.all([
    open({ port: ports.tls, tls: true, password: secret, tlsOptions: { ca } }),
    open({ port: ports.tls, tls: true, password: secret, tlsOptions: { ca: await readFile(ca, 'utf8') } }),
    open({ port: ports.mutual, tls: true, tlsOptions: { ca, ...client } }),
    open({ port: ports.named, tls: true, tlsOptions: { ca: others.ca, servername: 'redis.test' } }),
    open({ port: ports.named, tls: true, tlsOptions: { rejectUnauthorized: false } }),
    open({ path: socketPath, password: secret, db: 1 }),
  ]);
  for (const store of stores) {
    expect(store.problem()).toBeUndefined();
    expect((await store.history.append('room', Buffer.from('a'), limits)).offset).toBeGreaterThan(0);
  }
});

const cases: readonly [string, () => object, RegExp][] = [
  ['nothing listens', () => ({ port: 1 }), /ECONNREFUSED.*redisAdapter\.host and port/],
  ['a name that is not known', () => ({ host: 'nowhere.invalid' }), /(ENOTFOUND|EAI_AGAIN).*redisAdapter\.host/],
  ['no socket', () => ({ path: '/nowhere/redis.sock' }), /ENOENT.*redisAdapter\.path/],
  ['no password', () => ({ port: ports.plain }), /NOAUTH.*redisAdapter\.password/],
  [
    'a wrong password',
    () => ({ port: ports.plain, password: `${secret}!` }),
    /WRONGPASS.*redisAdapter\.username and password/,
  ],
  [
    'an unknown user',
    () => ({ port: ports.plain, username: 'x', password: secret }),
    /WRONGPASS.*redisAdapter\.username/,
  ],
  [
    'a command that is forbidden',
    () => ({ port: ports.plain, username: 'reader', password: secret }),
    /NOPERM.*'eval.*ACL SETUSER/,
  ],
  [
    'keys that are forbidden',
    () => ({ port: ports.plain, username: 'elsewhere', password: secret }),
    /NOPERM.*redisAdapter\.prefix/,
  ],
  [
    'a database that is not there',
    () => ({ port: ports.plain, password: secret, db: 5 }),
    /DB index.*redisAdapter\.db/,
  ],
  ['plain to a port of TLS', () => ({ port: ports.tls, password: secret }), /set redisAdapter\.tls to true/],
  ['TLS to a plain port', () => ({ port: ports.plain, password: secret, tls: true }), /redisAdapter\.tls/],
  ['an unknown authority', () => ({ port: ports.tls, password: secret, tls: true }), /redisAdapter\.tlsOptions\.ca/],
  [
    'another name',
    () => ({ port: ports.named, tls: true, tlsOptions: { ca: others.ca } }),
    /redisAdapter\.tlsOptions\.servername/,
  ],
  [
    'no certificate of ours',
    () => ({ port: ports.mutual, tls: true, tlsOptions: { ca: certificates.ca } }),
    /redisAdapter\.tlsOptions\.cert and key/,
  ],
  [
    'a certificate of a stranger',
    () => ({ port: ports.mutual, tls: true, tlsOptions: { ca: certificates.ca, ...others.client } }),
    /redisAdapter\.tlsOptions\.cert and key/,
  ],
  ['a node of a cluster alone', () => ({ port: ports.cluster[0] as number }), /redisAdapter\.cluster/],
  [
    'a cluster that is none',
    () => ({ cluster: [{ host: 'localhost', port: ports.plain }], password: secret }),
    /not a cluster/,
  ],
  [
    'a cluster with a wrong password',
    () => ({ cluster: [{ host: 'localhost', port: ports.plain }], password: `${secret}!` }),
    /WRONGPASS.*redisAdapter/,
  ],
  ['no sentinel', () => ({ sentinels: [{ host: 'localhost', port: 1 }] }), /redisAdapter\.(sentinels|host)/],
];

test('what is wrong is said with what to change, once, and without a password', async () => {
  const outcomes = cases.map(async ([name, redisAdapter, problem]) => {
    const store = await open(redisAdapter());
    const look = async (): Promise<string> => {
      const asked = [store.history.append('a', Buffer.from('b'), limits), store.registry.list()];
      const errors = await Promise.all(asked.map((one) => one.then(() => 'no error', String)));
      return [store.problem() ?? 'no problem', ...errors].join('\n');
    };
    const said = await expect.poll(look, { timeout: 6_000, interval: 200 }).toMatch(problem).then(look, look);
    return [name, problem, said] as const;
  });
  for (const [name, problem, said] of await Promise.all(outcomes)) {
    expect.soft(said, name).toMatch(problem);
    expect.soft(said, name).not.toContain(secret);
    // No text twice, as when a message has that of its cause.
    expect
      .soft(
        said.split('\n').filter((line) => /(.{32,}).*\1/.test(line)),
        name,
      )
      .toEqual([]);
  }
});

test('a server that closes each connection before it responds: the problem says what it may want', async () => {
  const [cert, key] = await Promise.all([readFile(certificates.server.cert), readFile(certificates.server.key)]);
  const endings: readonly [tls: boolean, end: (socket: Socket) => unknown, wanted: RegExp][] = [
    [false, (socket) => socket.end(), /set redisAdapter\.tls to true/],
    [false, (socket) => socket.once('data', () => socket.resetAndDestroy()), /set redisAdapter\.tls to true/],
    // If the alert is lost that refuses a certificate.
    [
      true,
      (socket) => {
        const secured = new TLSSocket(socket, { isServer: true, cert, key });
        secured.on('error', () => {}).once('secure', () => socket.resetAndDestroy());
      },
      /redisAdapter\.tlsOptions\.cert and key/,
    ],
  ];
  const said = endings.map(async ([tls, end, wanted]) => {
    const server = createServer((socket) => void end(socket.on('error', () => {})));
    const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
    cleanup(async () => void server.close());
    const store = await open({ host: '127.0.0.1', port, ...(tls ? { tls, tlsOptions: { ca: certificates.ca } } : {}) });
    await expect.poll(() => store.problem(), { timeout: 10_000 }).toMatch(wanted);
  });
  await Promise.all(said);
});

test('a second error of a connection ends no process, also of those that ioredis makes by itself', async () => {
  const own = createRedisClient(configOf({ port: ports.plain, password: secret }), 0);
  const { Redis } = await import('ioredis');
  for (const client of [own as Redis, new Redis({ port: ports.plain, password: secret })]) {
    const errors: string[] = [];
    client.on('error', ({ message }) => errors.push(message));
    await client.ping();
    for (const message of ['alert', 'reset']) client.stream.emit('error', new Error(message));
    expect(errors).toEqual(['alert']);
    client.disconnect();
  }
});

test('two errors of a handshake that has not ended end no process either', async () => {
  const server = createServer();
  const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
  cleanup(async () => void server.close());
  const client = createRedisClient(configOf({ port, tls: true }), 0) as Redis;
  cleanup(async () => client.disconnect());
  client.on('error', () => {});
  await expect.poll(() => client.stream).toBeDefined();
  const { stream } = client;
  for (const message of ['alert', 'reset']) stream.emit('error', new Error(message));
});

test('a file that is not there, or holds no PEM, is named at the start', async () => {
  const tls = { port: await freePort(), tls: true };
  await expect(open({ ...tls, tlsOptions: { ca: '/nowhere/ca.pem' } })).rejects.toThrow(
    'redisAdapter.tlsOptions.ca: found /nowhere/ca.pem, which cannot be read (ENOENT)',
  );
  await expect(open({ ...tls, tlsOptions: { ca: import.meta.filename } })).rejects.toThrow(/holds no PEM/);
});

test('errors of connections carry no arguments of commands, so that no log shows a password', async () => {
  const client = createRedisClient(configOf({ port: ports.plain, password: `${secret}!` }), 0);
  const error = await new Promise<object>((resolve) => client.once('error', resolve));
  client.disconnect();
  expect(JSON.stringify({ ...error })).not.toContain(secret);
});
