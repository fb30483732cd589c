import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from '@gopush/service';
import { onTestFinished } from 'vitest';

/** Has something done when a test, or all tests of a file, have ended. */
export type Cleanup = (work: () => Promise<void>) => void;

/** A real Redis of a test's own. */
export interface TestRedis {
  readonly port: number;
  /** Stops it without ending it: connections stay, answers do not come. */
  pause(): void;
  /** Lets it continue after a pause. */
  resume(): void;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
}

/** Starts a Redis that ends with the test, or with what `cleanup` belongs to. */
export async function startRedis(
  options: readonly string[] = [],
  fixedPort?: number,
  cleanup: Cleanup = onTestFinished,
): Promise<TestRedis> {
  const port = fixedPort ?? (await freePort());
  const dir = await mkdtemp(join(tmpdir(), 'gopush-redis-'));
  let child = await spawnRedis(port, dir, options);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  cleanup(async () => {
    await kill();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    port,
    kill,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async restart() {
      child = await spawnRedis(port, dir, options);
    },
  };
}

/** How the servers and the sentinel are started, by their ports. */
export interface SentinelOptions {
  readonly options?: (port: number) => readonly string[];
  /** Lines of the sentinel's file. */
  readonly lines?: (port: number) => readonly string[];
}

/** Starts a Redis, a replica of it, and a sentinel that watches both, all of which end with the test. */
export async function startSentinel(
  cleanup: Cleanup = onTestFinished,
  { options = () => [], lines: more = () => [] }: SentinelOptions = {},
): Promise<{ readonly port: number; readonly master: TestRedis }> {
  const own = ['--repl-diskless-sync-delay', '0'];
  const [masterPort, replicaPort] = [await freePort(), await freePort()];
  const master = await startRedis([...own, ...options(masterPort)], masterPort, cleanup);
  const replicaOf = ['--replicaof', '127.0.0.1', String(masterPort)];
  await startRedis([...own, ...replicaOf, ...options(replicaPort)], replicaPort, cleanup);
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'gopush-sentinel-'));
  const lines = [
    ...(options(port).includes('--tls-port') ? [] : [`port ${port}`]),
    `dir ${dir}`,
    `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds mymaster 500',
    'sentinel failover-timeout mymaster 3000',
    ...more(port),
  ];
  await writeFile(join(dir, 'sentinel.conf'), `${lines.join('\n')}\n`);
  const child = spawn('redis-server', [join(dir, 'sentinel.conf'), '--sentinel'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await rm(dir, { recursive: true, force: true });
  });
  await said(child, /\+slave slave/);
  return { port, master };
}

/** Starts a Redis Cluster of three servers that ends with the test. */
export async function startRedisCluster(
  cleanup: Cleanup = onTestFinished,
): Promise<{ readonly ports: readonly number[]; readonly servers: readonly TestRedis[] }> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '10000'];
  const first = await freePort(3);
  const ports = [first, first + 1, first + 2];
  const servers = await Promise.all(ports.map((port) => startRedis(options, port, cleanup)));
  const nodes = ports.map((port) => `127.0.0.1:${port}`);
  const made = spawnSync('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-yes'], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (made.status !== 0) throw new Error(`no cluster: ${made.stdout}${made.stderr}`);
  return { ports, servers };
}

async function spawnRedis(port: number, dir: string, options: readonly string[]): Promise<ChildProcess> {
  const own = ['--port', String(port), '--dir', dir, '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  const child = spawn('redis-server', [...own, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  await said(child, /Ready to accept connections/);
  return child;
}

/** Resolves when a server has said this. */
function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('error', () => reject(new Error('redis-server is missing: npm test installs it or says how')));
    child.once('exit', () => reject(new Error(`redis-server ended: ${text}`)));
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve();
    });
  });
}

/** How many ports each process of a test run has for itself, and how many processes may have some. */
const own = { ports: 1_000, processes: 10 };

/** Begins anywhere: processes of the same number come one after the other, and their ports may be in use for a moment longer. */
let taken = Math.floor(Math.random() * own.ports);

/**
 * The first of so many ports in a row that are free. Below those that the system gives to outgoing connections (from 32,768), or one of
 * them could be taken in between; by 10,000 more, as the nodes of a Redis Cluster talk on the port that is so much above their own. Each
 * process takes them from a range of its own: two that chose at random sometimes chose the same.
 */
export async function freePort(count = 1): Promise<number> {
  const number = (Number(process.env.VITEST_POOL_ID ?? 1) - 1) % own.processes;
  if (taken + count > own.ports) taken = 0;
  const first = 12_000 + number * own.ports + taken;
  taken += count;
  for (let port = first; port < first + count; port++) {
    if (!(await isFree(port))) return freePort(count);
  }
  return first;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await listen(server, { port, exclusive: true });
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}
