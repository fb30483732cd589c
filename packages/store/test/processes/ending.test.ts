import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openEmbeddedStore } from '../../src/index.ts';
import { endWithTest, limits, program } from '../support/processes.ts';
import { closedWithTest, temporaryFolder } from '../support/stores.ts';

test('a process that ends in the midst of its writes ends at once, and leaves the store to the others', async () => {
  const folder = await temporaryFolder();
  const ends = ['exit', 'exit with a listener that throws', 'throw', 'exit', 'throw', 'exit'];
  const children = ends.map((how) => {
    const child = fork(program('exit.mjs'), [folder, how], { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] });
    endWithTest(child);
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    return once(child, 'close').then(() => text);
  });
  // Listeners of the end have been called: logs are written there.
  for (const text of await Promise.all(children)) expect(text).toMatch(/^exit [13]\n$/);
  const store = closedWithTest(await openEmbeddedStore(folder));
  expect((await store.history.append('room', Buffer.from('here'), limits)).offset).toBeGreaterThan(0);
});

test('what is kept is there after all have closed', async () => {
  const folder = await temporaryFolder();
  const before = await openEmbeddedStore(folder);
  const { epoch } = await before.history.append('room', Buffer.from('a'), limits);
  await before.close();
  const after = closedWithTest(await openEmbeddedStore(folder));
  expect(await after.history.read('room', 0, 1)).toMatchObject({ epoch, last: 1 });
});
