import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findSession } from '../../src/recovery/find-session.ts';
import { encodeSession } from '../../src/stored-session/session-record.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { sessionOf } from '../support/stored-session.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const store = new MemoryStore();
  const returned: string[] = [];
  const save = (key: string, bytes: Buffer): void => void store.kept.set(key, bytes);
  const history = { read: async () => ({ epoch: undefined, messages: [] }) } as never;
  return {
    store,
    returned,
    find: () => findSession('pid', '', { store, history, returned: (pid) => returned.push(pid), save }),
  };
}
const pointer = Buffer.from('token:t');

test('a session that is stored for its client is taken at once, and can be given back', async () => {
  const { store, returned, find } = start();
  const bytes = encodeSession(sessionOf());
  store.kept.set('p:pid', bytes);
  const found = await find();
  expect(found).toMatchObject({ uid: 'ann', node: 'one', hasMigrated: false });
  expect([store.kept.size, returned]).toEqual([0, []]);
  found?.giveBack();
  expect(store.kept.get('p:pid')).toBe(bytes);
});

test('a client that returns before its old node has stored the session waits for it, and the node is told once', async () => {
  const { store, returned, find } = start();
  const finding = find();
  await vi.advanceTimersByTimeAsync(250);
  expect(returned).toEqual(['pid']);
  store.kept.set('p:pid', encodeSession(sessionOf()));
  await vi.advanceTimersByTimeAsync(100);
  expect(await finding).toMatchObject({ uid: 'ann' });
});

test('a session of which there is no trace is looked for as long as it takes to notice a lost connection', async () => {
  const { returned, find } = start();
  let found: unknown = 'pending';
  void find().then((result) => {
    found = result;
  });
  await vi.advanceTimersByTimeAsync(299);
  expect(found).toBe('pending');
  await vi.advanceTimersByTimeAsync(1);
  expect([found, returned]).toEqual([undefined, ['pid']]);
});

test('where a pointer leads to the copy for a crash, its node has longer to store what is exact', async () => {
  const { store, find } = start();
  store.kept.set('p:pid', pointer);
  const copy = encodeSession(sessionOf({ isExact: false }));
  store.kept.set('t:t', copy);
  const finding = find();
  await vi.advanceTimersByTimeAsync(800);
  expect(store.kept.has('t:t')).toBe(true);
  await vi.advanceTimersByTimeAsync(100);
  const found = await finding;
  expect(found).toMatchObject({ uid: 'ann', hasMigrated: false });
  expect(store.kept.has('t:t')).toBe(false);
  found?.giveBack();
  expect(store.kept.get('t:t')).toBe(copy);
});

test('the copy for a crash of another client, or none, is no session', async () => {
  for (const copy of [encodeSession(sessionOf({ sockets: [] })), Buffer.from('x'), undefined]) {
    const { store, find } = start();
    store.kept.set('p:pid', pointer);
    if (copy !== undefined) store.kept.set('t:t', copy);
    const finding = find();
    await vi.advanceTimersByTimeAsync(900);
    expect(await finding).toBeUndefined();
  }
});
