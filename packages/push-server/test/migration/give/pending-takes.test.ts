import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PendingTakes } from '../../../src/migration/give/pending-takes.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass, and whatever is read in the turn after it. */
async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await new Promise(setImmediate);
}

/** Tells when a session is waited for no longer, in milliseconds. */
function start() {
  const times: number[] = [];
  const takes = new PendingTakes(
    (ms) => times.push(ms),
    () => 1_000,
  );
  const done = new Map<string, number>();
  const begun = performance.now();
  const wait = (socket: string, mostMs = 10_000): void => {
    void takes.whenTaken(socket, mostMs).then(() => done.set(socket, performance.now() - begun));
  };
  return { takes, times, done, wait };
}

test('a session is waited for until another node has taken it', async () => {
  const { takes, times, done, wait } = start();
  wait('a');
  wait('b');
  await advance(100);
  takes.taken('b');
  takes.taken('unknown');
  await advance(0);
  expect([...done]).toEqual([['b', 100]]);
  expect(times).toEqual([100]);
});

test('a session is waited for no longer than its share of the time', async () => {
  const { done, wait } = start();
  wait('a', 50);
  await advance(49);
  expect(done.size).toBe(0);
  await advance(1);
  expect([...done]).toEqual([['a', 50]]);
});

test('where no node takes any session none is waited for, until one is taken', async () => {
  const { takes, done, wait } = start();
  wait('a');
  await advance(300);
  expect([...done]).toEqual([['a', 300]]);
  wait('b');
  await advance(1);
  expect(done.get('b')).toBe(300);
  takes.taken('a');
  wait('c');
  await advance(999);
  expect(done.has('c')).toBe(false);
  await advance(1);
  expect(done.has('c')).toBe(true);
});

test('that sessions were taken is read before none is waited for: this process may have had no CPU', async () => {
  vi.useRealTimers();
  const { takes, done, wait } = start();
  wait('a');
  // The message is read after the timer.
  const message = once(spawn('true'), 'exit').then(() => takes.taken('other'));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  await message;
  await new Promise(setImmediate);
  expect([...done]).toEqual([]);
  takes.taken('a');
});

test('while others are taken a session is waited for longer, up to a second', async () => {
  const { takes, done, wait } = start();
  wait('a');
  for (let at = 0; at < 900; at += 100) {
    wait(`other ${at}`);
    await advance(100);
    takes.taken(`other ${at}`);
  }
  takes.taken('a');
  await advance(0);
  expect(done.get('a')).toBe(900);
  wait('b');
  for (let at = 0; at < 2_000; at += 100) {
    await advance(100);
    takes.taken('unknown');
  }
  expect(done.get('b')).toBe(1_900);
});

test('a session that is never taken is forgotten, and the next one is waited for again', async () => {
  const { done, wait } = start();
  wait('a');
  await advance(61_000);
  wait('b');
  await advance(299);
  expect(done.has('b')).toBe(false);
});
