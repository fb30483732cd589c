import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../packages/store/test/support/redis.ts';
import { makeFolder } from '../support/cli.ts';
import { readFile, readSettings } from '../support/deployment.ts';

/** Starts a Redis with a file of `deploy/redis`, on a port and in a folder of the test. @returns asks it one command */
async function startWith(
  name: string,
  args: readonly string[] = [],
  server: 'of the first server' | 'of another' = 'of another',
): Promise<(command: string) => Promise<string>> {
  const dir = await makeFolder();
  const port = await freePort();
  const common = join(dir, 'redis.conf');
  const adapt = (text: string): string =>
    text
      .replace(/^bind .*$/m, 'bind 127.0.0.1')
      .replace(/^port .*$/m, `port ${port}`)
      .replace('include /etc/redis/redis.conf', `include ${common}`)
      .replace(/^replicaof .*$/m, server === 'of another' ? 'replicaof 127.0.0.1 1' : '')
      .replace(/^(sentinel monitor \w+) \S+ \d+/m, '$1 127.0.0.1 1');
  await writeFile(common, adapt(readFile('deploy/redis/redis.conf')));
  const file = join(dir, name);
  await writeFile(file, adapt(readFile(`deploy/redis/${name}`)));
  const child = spawn('redis-server', [file, ...args], { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => end(child));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (/Ready to accept|Sentinel ID is/.test(said)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
  });
  return (command) => ask(port, command);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(`${command}\r\n`);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

test.each(['redis.conf', 'replica.conf', 'cluster.conf'])(
  'Redis starts with %s, keeps what gopush stores, and removes nothing by itself',
  async (name) => {
    const send = await startWith(name);
    expect(await send('CONFIG GET maxmemory-policy')).toContain('noeviction');
    expect(await send('CONFIG GET maxmemory')).toContain(String(2 * 1024 ** 3));
    expect(await send('CONFIG GET appendonly')).toContain('yes');
    const info = await send('INFO');
    expect(info).toContain(name === 'cluster.conf' ? 'cluster_enabled:1' : 'cluster_enabled:0');
    expect(info).toContain(name === 'replica.conf' ? 'role:slave' : 'role:master');
  },
);

test('a primary that Sentinel may replace refuses writes while it hears no replica', async () => {
  const send = await startWith('replica.conf', [], 'of the first server');
  expect(await send('INFO replication')).toContain('role:master');
  expect(await send('SET a b')).toMatch(/^-NOREPLICAS/);
});

test('Sentinel starts with sentinel.conf, and two of three have to agree', async () => {
  const send = await startWith('sentinel.conf', ['--sentinel']);
  const state = await send('SENTINEL MASTER mymaster');
  expect(state).toMatch(/quorum\r\n\$1\r\n2\r\n/);
  expect(state).toMatch(/down-after-milliseconds\r\n\$4\r\n3000\r\n/);
});

test('the addresses of Redis in the files are addresses for gopush', () => {
  const found = ['sentinel.conf', 'cluster.conf'].flatMap((name) =>
    [...readFile(`deploy/redis/${name}`).matchAll(/REDIS_URL=(redis\S*?),?(?=\s|$)/g)].map(([, url = '']) => url),
  );
  expect(found.map((url) => url.split(':')[0])).toEqual(['redis+sentinel', 'redis+cluster']);
  const [sentinel, cluster] = found.map((url) => readSettings({ REDIS_URL: url }).redisAdapter);
  expect(sentinel).toMatchObject({ sentinelName: 'mymaster', sentinels: [{}, {}, {}] });
  expect(cluster?.cluster).toHaveLength(2);
  expect(readSettings({ GOPUSH_REDIS_ADAPTER_FANOUT: 'sharded' }).redisAdapter?.fanout).toBe('sharded');
});
