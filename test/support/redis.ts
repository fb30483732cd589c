import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A real Redis of a test's own. */
export interface TestRedis {
  readonly port: number;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
}

/** Starts a Redis that ends with the test. */
export async function startRedis(options: readonly string[] = [], fixedPort?: number): Promise<TestRedis> {
  const port = fixedPort ?? (await freePort());
  const dir = await mkdtemp(join(tmpdir(), 'gopush-redis-'));
  let child = await spawnRedis(port, dir, options);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(async () => {
    await kill();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    port,
    kill,
    async restart() {
      child = await spawnRedis(port, dir, options);
    },
  };
}

/** Starts a Redis Cluster of three servers that ends with the test. */
export async function startRedisCluster(): Promise<{ readonly ports: readonly number[] }> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const ports: number[] = [];
  // A cluster's nodes talk on the port 10,000 above their own, which must be one, too.
  while (ports.length < 3) {
    const port = await freePort();
    if (port < 50_000) ports.push(port);
  }
  await Promise.all(ports.map((port) => startRedis(options, port)));
  const nodes = ports.map((port) => `127.0.0.1:${port}`);
  const made = spawnSync('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-yes'], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`no cluster: ${made.stdout}${made.stderr}`);
  return { ports };
}

async function spawnRedis(port: number, dir: string, options: readonly string[]): Promise<ChildProcess> {
  const own = ['--port', String(port), '--dir', dir, '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
  const child = spawn('redis-server', [...own, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    let text = '';
    child.once('error', () => reject(new Error('redis-server is missing: npm test installs it or says how')));
    child.once('exit', () => reject(new Error(`redis-server ended: ${text}`)));
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      if (/Ready to accept connections/.test(text)) resolve();
    });
  });
  return child;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port < 55_000 ? port : freePort();
}
