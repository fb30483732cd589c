import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbeddedStore } from '../src/index.ts';
import { closedWithTest, temporaryFolder, until } from './support/stores.ts';

interface Said {
  readonly offset: number;
  readonly payload: string;
}

const program = (name: string): string => join(import.meta.dirname, 'programs', name);

/** A process that appends; it is ended with the test. */
function startAppending(folder: string, name: string, count: number) {
  const child = fork(program('append.mjs'), [folder, 'room', name, String(count)]);
  const said: Said[] = [];
  child.on('message', (message) => said.push(message as Said));
  const exited = once(child, 'exit');
  endWithTest(child);
  return { child, said, exited };
}

function endWithTest(child: ChildProcess): void {
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
}

const limits = { count: 100_000, ageMs: 600_000, bytes: 100_000_000 };

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
  for (let round = 0; round < 3; round++) {
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
    for (let round = 0; round < 4; round++) {
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

test('what is kept is there after all have closed', async () => {
  const folder = await temporaryFolder();
  const before = await openEmbeddedStore(folder);
  const { epoch } = await before.history.append('room', Buffer.from('a'), limits);
  await before.close();
  const after = closedWithTest(await openEmbeddedStore(folder));
  expect(await after.history.read('room', 0, 1)).toMatchObject({ epoch, last: 1 });
});

test('while another process holds the store and hangs, calls fail in bounded time; then they are served again', async () => {
  const folder = await temporaryFolder();
  const store = closedWithTest(await openEmbeddedStore(folder));
  const states: string[] = [];
  onTestFinished(store.onState((state) => states.push(state)));
  const holder = startHolding(folder);
  await once(holder, 'message');
  await expect(store.history.append('room', Buffer.from('lost'), limits)).rejects.toMatchObject({ code: 'store_down' });
  expect(store.state()).toBe('down');
  expect((await store.history.read('room', 0, 1)).last).toBe(0);
  const exited = once(holder, 'exit');
  holder.kill('SIGKILL');
  await exited;
  expect((await store.history.append('room', Buffer.from('kept'), limits)).offset).toBe(1);
  expect([store.state(), states]).toEqual(['up', ['down', 'up']]);
});

/** A process that never ends a transaction. */
function startHolding(folder: string): ChildProcess {
  const child = fork(program('hold.mjs'), [folder]);
  endWithTest(child);
  return child;
}

// The size of files is limited, as a real full disk is no test's to make.
test.skipIf(process.platform === 'win32')('a full disk is said, and what was kept stays', async () => {
  const folder = await temporaryFolder();
  const command = `ulimit -f 2000; exec "${process.execPath}" "${program('fill.mjs')}" "${folder}"`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'inherit', 'ignore', 'ipc'] });
  endWithTest(child);
  const exited = once(child, 'exit');
  const [said] = (await once(child, 'message')) as [{ code: string; appended: number; kept: number }];
  expect(said.code).toBe('store_full');
  expect(said.appended).toBeGreaterThan(100);
  expect(said.kept).toBe(said.appended);
  await exited;
  const store = closedWithTest(await openEmbeddedStore(folder));
  expect((await store.history.read('room', 0, 100_000)).messages.length).toBe(said.appended);
  expect((await store.history.append('room', Buffer.alloc(2_000), limits)).offset).toBe(said.appended + 1);
});
