import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConfigInput } from '@gopush/contract';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, startRedis, startSentinel, type TestRedis } from '../../packages/store/test/support/redis.ts';
import { keys } from '../support/api.ts';
import { makeFolder } from '../support/cli.ts';
import { type Process, settingsOf, startProcess } from './processes.ts';
import { readMoves, report } from './report.ts';
import { type Counts, startTraffic, unnoticed, unnoticedButAcks } from './traffic.ts';

/** `GOPUSH_CHAOS=full` runs this file: it takes minutes. Its figures are in docs/performance.md. */
const full = process.env.GOPUSH_CHAOS === 'full';
const clients = Number(process.env.CHAOS_CLIENTS ?? 150);

interface Store {
  readonly config: ConfigInput;
  readonly redis?: TestRedis;
  readonly dir?: string;
}

interface Deed {
  readonly what: string;
  readonly does: (store: Store, servers: readonly Process[]) => Promise<void>;
  readonly promised: Partial<Counts>;
}

const openRedis = async (): Promise<Store> => {
  const redis = await startRedis();
  return { redis, config: { redisAdapter: { port: redis.port } } };
};

const openFolder = async (): Promise<Store> => {
  const dir = await makeFolder();
  return { dir, config: { pushServer: { fanoutDir: join(dir, 'mesh'), storeDir: join(dir, 'store') } } };
};

/** A folder on a disk of its own that can be filled. */
const openDisk = async (): Promise<Store> => {
  const store = await openFolder();
  const dir = join(store.dir as string, 'disk');
  execFileSync('mkdir', ['-p', dir]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', dir]);
  onTestFinished(() => void execFileSync('umount', ['-l', dir]));
  return { dir, config: { pushServer: { ...store.config.pushServer, storeDir: join(dir, 'store') } } };
};

/** One push-server is stopped and started, then another one is killed and started. */
async function restartTwo(servers: readonly Process[]): Promise<void> {
  for (const [index, signal] of [
    [0, 'SIGTERM'],
    [1, 'SIGKILL'],
  ] as const) {
    const server = servers[index] as Process;
    server.kill(signal);
    await server.ended();
    await delay(500);
    await server.start();
    await delay(1_000);
  }
}

const openSentinel = async (): Promise<Store> => {
  const { port, master } = await startSentinel();
  return { redis: master, config: { redisAdapter: { sentinels: [{ host: '127.0.0.1', port }] } } };
};

const ofRedis: readonly Deed[] = [
  {
    what: 'Redis does not answer for 10 s',
    async does({ redis }) {
      redis?.pause();
      await delay(10_000);
      redis?.resume();
    },
    promised: unnoticed,
  },
  {
    what: 'FLUSHALL, 3 s later SIGTERM of one push-server and SIGKILL of another',
    async does({ redis }, servers) {
      execFileSync('redis-cli', ['-p', String(redis?.port), 'flushall']);
      await delay(3_000);
      await restartTwo(servers);
    },
    promised: { disconnects: 0, newSessions: 0, lost: 0, doubled: 0 },
  },
  {
    what: 'Redis is killed, and back without data after 3 s; 3 s later SIGTERM of one push-server and SIGKILL of another',
    async does({ redis }, servers) {
      await redis?.kill();
      await delay(3_000);
      await redis?.restart();
      await delay(3_000);
      await restartTwo(servers);
    },
    promised: { disconnects: 0, newSessions: 0, lost: 0, doubled: 0 },
  },
];

const ofSentinel: readonly Deed[] = [
  {
    what: 'the Redis that Sentinel watches is killed',
    async does({ redis }, servers) {
      await redis?.kill();
      await delay(12_000);
      await restartTwo(servers);
    },
    promised: { disconnects: 0, newSessions: 0, doubled: 0 },
  },
];

const ofFolder: readonly Deed[] = [
  {
    what: 'the folder of the store is deleted, 3 s later SIGTERM of one push-server and SIGKILL of another',
    async does({ config }, servers) {
      await rm(config.pushServer?.storeDir as string, { recursive: true });
      await delay(3_000);
      await restartTwo(servers);
    },
    promised: { disconnects: 0, newSessions: 0, lost: 0, doubled: 0 },
  },
];

const ofDisk: readonly Deed[] = [
  {
    what: 'the disk of the store is full for 12 s, meanwhile SIGTERM of one push-server and SIGKILL of another',
    async does({ dir }, servers) {
      const filling = join(dir as string, 'filling');
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${filling}`, 'bs=1M'], { stdio: 'ignore' });
      } catch {
        // It ends where the disk does.
      }
      await delay(5_000);
      await restartTwo(servers);
      await delay(3_000);
      await rm(filling);
      await delay(3_000);
    },
    promised: unnoticedButAcks,
  },
];

test.skipIf(!full).each([
  { name: 'Redis', open: openRedis, deeds: ofRedis },
  { name: 'Redis with Sentinel', open: openSentinel, deeds: ofSentinel },
  { name: 'a folder', open: openFolder, deeds: ofFolder },
  { name: 'a disk', open: openDisk, deeds: ofDisk },
])('what is done to $name', { timeout: 900_000 }, async ({ open, deeds }) => {
  const store = await open();
  const first = await freePort(3);
  const startServer = (index: number): Promise<Process> => {
    const settings = settingsOf({ ...store.config, serverPortStart: first + index });
    return startProcess('chaos-server.mjs', [JSON.stringify(settings), `push-server-${index}`]);
  };
  const port = await freePort();
  const settings = settingsOf({ ...store.config, agentPort: port, agent: { host: '127.0.0.1', drainMs: 200 } });
  const [agent, ...servers] = await Promise.all([
    startProcess('chaos-agent.mjs', [JSON.stringify(settings)]),
    startServer(0),
    startServer(1),
    startServer(2),
  ]);
  for (const [index, { what, does, promised }] of deeds.entries()) {
    const before = agent.lines.length;
    const traffic = await startTraffic({
      urls: [`http://127.0.0.1:${port}`],
      key: keys.all,
      clients,
      name: `deed${index}`,
    });
    await delay(2_000);
    await does(store, servers);
    await delay(3_000);
    const counts = await traffic.stop();
    const where = store.redis === undefined ? 'embedded' : 'Redis';
    report(what, `${where}, discovery`, counts, readMoves(agent.lines.slice(before)));
    expect.soft(counts, what).toMatchObject(promised);
  }
});
