import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createProject } from '../../packages/create/src/create-project.ts';
import { linkPackages } from '../../packages/create/test/support/linked-packages.ts';
import { startRedis, startRedisCluster, startSentinel } from '../../packages/store/test/support/redis.ts';
import { makeFolder } from '../support/cli.ts';

const root = join(import.meta.dirname, '../..');

/** An address of each kind of Redis, as REDIS_URL has it. */
const kinds: Readonly<Record<string, () => Promise<string>>> = {
  'one Redis with a password': async () =>
    `redis://:s3cret@127.0.0.1:${(await startRedis(['--requirepass', 's3cret'])).port}/3`,
  Sentinel: async () => `redis+sentinel://127.0.0.1:${(await startSentinel()).port}/mymaster`,
  'a Cluster': async () => `redis+cluster://127.0.0.1:${(await startRedisCluster()).ports[0]}`,
};

test.each(Object.keys(kinds))('accounts and channels of the chats are kept in %s', async (kind) => {
  const address = (await kinds[kind]?.()) ?? '';
  const folder = await makeFolder();
  await linkPackages(folder);
  await createProject({ dir: join(folder, 'app'), template: 'chat', typescript: false, force: false });
  for (const [file, stored] of [
    [join(root, 'examples/chat/lib/open-redis.js'), 'OK'],
    [join(folder, 'app/app/open-redis.js'), null],
  ] as const) {
    const { openRedis } = await import(pathToFileURL(file).href);
    const redis = openRedis(address);
    onTestFinished(() => void redis.disconnect());
    expect(await redis.set('chat:account:ann', 'hashed', 'NX')).toBe(stored);
  }
  vi.stubEnv('REDIS_URL', address);
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.resetModules();
  const { store } = await import(join(root, 'examples/chat/lib/store.js'));
  expect([await store.insert('users', 'ann', {}), await store.insert('users', 'ann', {})]).toEqual([true, false]);
  expect(await store.list('users')).toEqual([['ann', {}]]);
  expect([await store.add(1, 'name ann', 1, 1_000), await store.add(1, 'name ann', 1, 1_000)]).toEqual([1, 2]);
});
