import { readdir } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startPushServer } from '../../src/push-server.ts';
import { makeFolder } from './support/front.ts';

test('a push-server that has started takes hand-offs: clients that come at once are not copied for as long as they stay', async () => {
  const dir = await makeFolder();
  const server = await startPushServer({
    config: {
      serverPortStart: 0,
      handOff: { enabled: true, dir },
      pushServer: { fanoutDir: dir, storeDir: `${dir}/store` },
    },
  });
  onTestFinished(() => server.close());
  const names = await readdir(dir);
  expect(names.filter((name) => name.startsWith(`${server.port}.`) && name.endsWith('.sock'))).toHaveLength(1);
});
