import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isLong } from '../../../../test/support/long.ts';
import { openEmbeddedStore } from '../../src/index.ts';
import { limits, startAppending } from '../support/processes.ts';
import { closedWithTest, temporaryFolder } from '../support/stores.ts';

test('processes that append to one room at once leave no gaps and lose nothing', async () => {
  const folder = await temporaryFolder();
  const children = ['a', 'b', 'c'].map((name) => startAppending(folder, name, 300));
  const store = closedWithTest(await openEmbeddedStore(folder));
  expect(await Promise.all(children.map(({ exited }) => exited))).toEqual([
    [0, null],
    [0, null],
    [0, null],
  ]);
  const { first, last, messages } = await store.history.read('room', 0, 10_000);
  expect([first, last, messages.length]).toEqual([1, 900, 900]);
  const kept = new Map(messages.map(({ offset, payload }) => [offset, payload.toString()]));
  const said = children.flatMap((child) => child.said);
  expect(said.length).toBe(900);
  for (const { offset, payload } of said) expect(kept.get(offset)).toBe(payload);
});

test('a process that is killed in the middle takes nothing with it', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  for (let round = 0; round < (isLong ? 3 : 2); round++) {
    const victim = startAppending(folder, `victim${round}`, 100_000);
    const other = startAppending(folder, `other${round}`, 200);
    while (victim.said.length < 100) await once(victim.child, 'message');
    victim.child.kill('SIGKILL');
    await victim.exited;
    expect(await other.exited).toEqual([0, null]);
    const { offset } = await store.history.append('room', Buffer.from('here'), limits);
    const { first, last, messages } = await store.history.read('room', 0, 1_000_000);
    expect([first, last]).toEqual([1, offset]);
    expect(messages.map((message) => message.offset)).toEqual(Array.from({ length: offset }, (_, index) => index + 1));
    const kept = new Map(messages.map((message) => [message.offset, message.payload.toString()]));
    // What a process was told to be kept is kept, even by the one that was killed.
    for (const each of [...victim.said, ...other.said]) expect(kept.get(each.offset)).toBe(each.payload);
  }
});

test('processes that are killed in the midst of commits, many times, never keep the others from writing', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  let last = 0;
  const killMany = async (name: string): Promise<void> => {
    for (let round = 0; round < (isLong ? 4 : 3); round++) {
      const victim = startAppending(folder, `${name}${round}`, 100_000);
      while (victim.said.length < 20 + round) await once(victim.child, 'message');
      victim.child.kill('SIGKILL');
      await victim.exited;
      const { offset } = await store.history.append('room', Buffer.from('here'), limits);
      expect(offset).toBeGreaterThan(last);
      last = offset;
    }
  };
  await Promise.all(['a', 'b', 'c'].map(killMany));
  const { messages } = await store.history.read('room', 0, 1_000_000);
  expect(messages.map((message) => message.offset)).toEqual(messages.map((_, index) => index + 1));
});
