import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbeddedStore } from '../../src/index.ts';
import { endWithTest, limits, program } from '../support/processes.ts';
import { closedWithTest, temporaryFolder, until } from '../support/stores.ts';

test('a folder that is deleted is noticed by all processes, and they go on together in a new one', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  const other = fork(program('follow.mjs'), [folder]);
  endWithTest(other);
  await once(other, 'message');
  const append = async () =>
    (await store.history.append('room', Buffer.from('here'), limits).catch(() => undefined))?.epoch;
  const appendThere = async (): Promise<string | undefined> => {
    const answer = once(other, 'message');
    other.send('append');
    return (await answer)[0].epoch;
  };
  const before = await append();
  expect(await appendThere()).toBe(before);
  const states: string[] = [];
  onTestFinished(store.onState((state) => states.push(state)));
  const forgotten = new Promise<void>((resolve) => store.onForgotten(resolve));
  await rm(folder, { recursive: true });
  await forgotten;
  expect(states).toEqual(['down', 'up']);
  const after = await append();
  expect(after).not.toBe(before);
  expect(await until(appendThere, (epoch) => epoch === after)).toBe(after);
  expect((await store.history.read('room', 0, 10)).epoch).toBe(after);
});
