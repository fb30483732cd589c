import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisConfig } from '@gopush/contract';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { openEmbeddedStore, openRedisStore, type Store } from '../../src/index.ts';
import { type Cleanup, startRedis, startRedisCluster, startSentinel } from './redis.ts';

/** Opens a store of the same data each time, as further nodes do. It is closed with the test. */
export type OpenStore = () => Promise<Store>;

type Start = (cleanup: Cleanup) => Promise<OpenStore>;

const starts: Readonly<Record<string, Start>> = {
  async embedded(cleanup) {
    const folder = await temporaryFolder(cleanup);
    return () => openEmbeddedStore(folder, { sweepMs: 100 });
  },
  async 'single Redis'(cleanup) {
    const { port } = await startRedis([], undefined, cleanup);
    return () => openRedisStore(redisConfig({ host: '127.0.0.1', port }));
  },
  async 'Redis Cluster'(cleanup) {
    const { ports } = await startRedisCluster(cleanup);
    return () => openRedisStore(redisConfig({ cluster: ports.map((port) => ({ host: '127.0.0.1', port })) }));
  },
  async Sentinel(cleanup) {
    const { port } = await startSentinel(cleanup);
    return () => openRedisStore(redisConfig({ sentinels: [{ host: '127.0.0.1', port }], sentinelName: 'mymaster' }));
  },
};

/** Runs the same tests on every kind of store: all of them keep one contract. */
export function describeStores(what: string, tests: (open: OpenStore) => void): void {
  for (const [name, start] of Object.entries(starts)) {
    describe(`${what}: ${name}`, () => {
      const cleanups: (() => Promise<void>)[] = [];
      let openStore: OpenStore | undefined;
      beforeAll(async () => {
        openStore = await start((work) => cleanups.push(work));
      });
      afterAll(async () => {
        for (const work of cleanups.reverse()) await work();
      });
      tests(async () => closedWithTest(await (openStore as OpenStore)()));
    });
  }
}

/** Closes a store when the test has ended. */
export function closedWithTest(store: Store): Store {
  onTestFinished(() => store.close());
  return store;
}

/** A folder that goes with the test, or with what `cleanup` belongs to. */
export async function temporaryFolder(cleanup: Cleanup = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gopush-store-'));
  cleanup(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Settings as they are after parsing. */
export function redisConfig(redis: object): RedisConfig {
  return { prefix: 'gopush-test', ...redis } as RedisConfig;
}

/** A name that no other test uses. */
export function fresh(what: string): string {
  return `${what}-${randomBytes(6).toString('hex')}`;
}

/** Asks again until it is so: for what a lease ends, which no event tells. */
export async function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
