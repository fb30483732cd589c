import { execFileSync } from 'node:child_process';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRedisClient } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { redisConfig } from '../../packages/store/test/support/stores.ts';
import { makeFolder } from '../support/cli.ts';
import { admin, readAdmin, readMetric } from '../support/metrics.ts';
import { startNodes, type TestNodes } from '../support/nodes.ts';

/** What keeps a store from being written. */
interface Fault {
  readonly kind: string;
  /** What readiness says of it. */
  readonly says: RegExp;
  readonly pushServer?: () => Promise<object>;
  /** @returns ends it */
  begin(nodes: TestNodes): Promise<() => Promise<unknown>>;
}

function commandsOf({ redis }: TestNodes) {
  const client = createRedisClient(redisConfig({ host: '127.0.0.1', port: redis?.port }), 1);
  onTestFinished(() => client.disconnect());
  return client;
}

/** A disk so small that a test can fill it; `undefined` if this user may not make one. */
async function mountDisk(): Promise<string | undefined> {
  const folder = await makeFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]));
  return folder;
}

let disk: string | undefined;

const faults: Readonly<Record<string, Fault>> = {
  'a Redis without memory': {
    kind: 'Redis',
    says: /store.*full/,
    async begin(nodes) {
      const client = commandsOf(nodes);
      await client.call('config', 'set', 'maxmemory', '1');
      return () => client.call('config', 'set', 'maxmemory', '0');
    },
  },
  'a Redis that is a replica': {
    kind: 'Redis',
    says: /store.*read-only/,
    async begin(nodes) {
      const client = commandsOf(nodes);
      await client.call('replicaof', '127.0.0.1', '1');
      return () => client.call('replicaof', 'no', 'one');
    },
  },
  'an embedded store at its bound': {
    kind: 'embedded store',
    says: /store.*full/,
    pushServer: async () => ({ storeMaxBytes: 4_194_304 }),
    async begin(nodes) {
      const store = await nodes.openStore();
      const bounds = { count: 10_000, bytes: 100_000_000 };
      // Letters are not evicted.
      const put = (count: number) =>
        store.inbox.put('eve', { id: `${count}`, payload: Buffer.alloc(10_000), ttlMs: 60_000 }, bounds);
      let count = 0;
      for (let isFull = false; !isFull; count++) {
        await put(count).catch(() => {
          isFull = true;
        });
      }
      return () =>
        store.inbox.ack(
          'eve',
          Array.from({ length: count }, (_, index) => `${index}`),
        );
    },
  },
  'an embedded store on a full disk': {
    kind: 'embedded store',
    says: /store.*full/,
    async pushServer() {
      disk = await mountDisk();
      return disk === undefined ? {} : { storeDir: join(disk, 'store') };
    },
    async begin() {
      const { bavail, bsize } = await statfs(disk as string);
      const file = join(disk as string, 'of somebody else');
      await writeFile(file, Buffer.alloc(bavail * bsize - 1_048_576));
      return () => rm(file);
    },
  },
};

test.each(Object.keys(faults))('%s is reported by readiness and by a metric, and its end as well', async (name) => {
  const { kind, says, pushServer, begin } = faults[name] as Fault;
  const nodes = await startNodes(kind);
  const settings = (await pushServer?.()) ?? {};
  // Not every user may mount a disk.
  if (/disk/.test(name) && disk === undefined) return;
  const server = await nodes.start(settings, undefined, admin);
  const report = async () => {
    const [{ status, text }, up] = await Promise.all([readAdmin(server, '/readyz'), readMetric(server, 'store_up')]);
    return { status, text, up };
  };
  await expect.poll(report).toMatchObject({ status: 200, up: 1 });
  const end = await begin(nodes);
  await expect.poll(report).toMatchObject({ status: 503, text: expect.stringMatching(says), up: 0 });
  // What is there can be read, and a message that need not be kept goes out.
  expect(await server.push.history('r', 0, 1)).toMatchObject({ ok: true });
  expect(await server.push.toRoom('r', 'e', 1)).toMatchObject({ ok: true });
  expect(await server.push.toRoom('r', 'e', 1, { keep: 'must' })).toMatchObject({ failure: { code: 'not_durable' } });
  await end();
  await expect.poll(report).toMatchObject({ status: 200, up: 1 });
  expect(await server.push.toRoom('r', 'e', 1, { keep: 'must' })).toMatchObject({ ok: true });
});
