import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore, type RegisteredNode } from '@gopush/store';
import { expect, onTestFinished, test } from 'vitest';
import { createMemoryLog } from '../../../../test/support/log.ts';
import { watchForSameName } from '../../src/announcement/watch-for-same-name.ts';

const us: RegisteredNode = {
  ...{ id: 'us', name: 'web-push-server-0', tier: 'push-server', host: '127.0.0.1', port: 4000, machine: 'web/1' },
  ...{ weight: 1, load: 0, state: 'ready' },
};

test.each<[string, Partial<RegisteredNode>, boolean]>([
  ['another machine', { machine: 'web/2' }, true],
  ['another container with the same host name', { host: '10.0.0.2' }, true],
  ['another project of the machine', { port: 5000 }, true],
  ['the process that it takes the place of', {}, false],
  ['a push-server of another name', { name: 'web2-push-server-0', machine: 'web/2' }, false],
  ['an older version', { name: undefined as unknown as string, machine: 'web/2' }, false],
])('a push-server of the same name is said once: %s', async (_who, other, isTold) => {
  const dir = await mkdtemp(join(tmpdir(), 'gopush-'));
  const store = await openEmbeddedStore(dir);
  onTestFinished(async () => {
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });
  await store.registry.announce(us, 60_000);
  await store.registry.announce({ ...us, id: 'other', ...other }, 60_000);
  const { logger, lines, next } = createMemoryLog();
  onTestFinished(watchForSameName(store.registry, () => us, logger, 1));
  if (isTold) await next(/processes\.machine/);
  else await store.registry.list();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(lines.length).toBe(isTold ? 1 : 0);
});
