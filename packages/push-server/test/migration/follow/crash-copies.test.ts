import { afterEach, expect, test, vi } from 'vitest';
import { CrashCopies } from '../../../src/migration/follow/crash-copies.ts';
import type { SessionRecord } from '../../../src/stored-session/session-record.ts';
import { decodeSession } from '../../../src/stored-session/session-record.ts';
import { follow } from '../../support/fake-connection.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { sessionOf, socketOf } from '../../support/stored-session.ts';

afterEach(() => {
  vi.useRealTimers();
});

function start(session: Partial<SessionRecord> = {}) {
  const store = new MemoryStore();
  const logged: string[] = [];
  let at = 0;
  const copies = new CrashCopies({
    store,
    keepMs: 60_000,
    describe: () => sessionOf({ ...session, at: ++at }),
    hasSession: (socket) => socket === 'socket',
    log: { debug: (_: unknown, text: string) => logged.push(text) } as never,
  });
  return { store, copies, logged };
}

test('a session is saved under its token, to which its private id points', async () => {
  const { store, copies } = start();
  const { followed } = follow();
  await copies.save(followed);
  expect(decodeSession(store.kept.get('t:token') as Buffer)).toEqual(sessionOf({ at: 1 }));
  expect(String(store.kept.get('p:pid'))).toBe('token:token');
});

test('a session is saved again with its pointer, also where the store has lost both', async () => {
  const { store, copies } = start();
  const { followed } = follow();
  await copies.save(followed);
  store.kept.clear();
  expect(await copies.saveAgain(followed)).toBe(true);
  expect([...store.kept.keys()].toSorted()).toEqual(['p:pid', 't:token']);
});

test.each([
  ['runs elsewhere', 'token:other'],
  ['was stored at its end elsewhere', 'a session'],
])('a session that %s is not saved again', async (_, found) => {
  const { store, copies } = start();
  const { followed } = follow();
  await copies.save(followed);
  store.kept.set('p:pid', Buffer.from(found));
  store.kept.delete('t:token');
  expect(await copies.saveAgain(followed)).toBe(false);
  expect([...store.kept].map(([key, bytes]) => [key, String(bytes)])).toEqual([['p:pid', found]]);
});

test('however many changes come at once cost two saves, and the last has what there is by then', async () => {
  const { store, copies } = start();
  const { followed } = follow();
  await Promise.all(Array.from({ length: 10 }, () => copies.save(followed)));
  expect(decodeSession(store.kept.get('t:token') as Buffer)?.at).toBe(2);
  // The pointer is written once.
  expect(store.writes).toBe(3);
  await copies.saveAgain(followed);
  expect(store.writes).toBe(5);
});

test('a large session is not saved again at once, however often its client changes it', async () => {
  vi.useFakeTimers();
  const { store, copies } = start({ sockets: [socketOf({ data: 'd'.repeat(200_000) })] });
  const { followed } = follow();
  await copies.save(followed);
  const saved = [copies.save(followed), copies.save(followed)];
  const at = () => decodeSession(store.kept.get('t:token') as Buffer)?.at;
  await vi.advanceTimersByTimeAsync(150);
  expect(at()).toBe(1);
  await vi.advanceTimersByTimeAsync(100);
  await Promise.all(saved);
  expect(at()).toBe(2);
});

test('nothing points to a session that is only tried here', async () => {
  const { store, copies } = start();
  const { followed } = follow([], { uid: 'ann', usedToken: undefined });
  await copies.save(followed);
  expect([...store.kept.keys()]).toEqual(['t:token']);
});

test('what is stored under the token with which a session came is removed once it is stored as this node’s own', async () => {
  const { store, copies } = start();
  store.kept.set('t:old', Buffer.alloc(0));
  const { followed } = follow([], { uid: 'ann', usedToken: 'old' });
  await copies.save(followed);
  expect(store.kept.has('t:old')).toBe(true);
  followed.isClaimed = true;
  store.fails = true;
  await copies.save(followed);
  // Nobody else would know the session.
  expect([store.kept.has('t:old'), followed.usedToken]).toEqual([true, 'old']);
  store.fails = false;
  await copies.save(followed);
  expect([...store.kept.keys(), followed.usedToken]).toEqual(['t:token', 'p:pid', undefined]);
});

test('a session that was given, or whose connection has closed, is not saved any more', async () => {
  const { store, copies } = start();
  const given = follow();
  given.followed.isGone = true;
  await copies.save(given.followed);
  const closed = follow();
  closed.fake.close();
  await copies.save(closed.followed);
  expect(store.writes).toBe(0);
});

test('a save that fails is logged, and the next one is tried', async () => {
  const { store, copies, logged } = start();
  const { followed } = follow();
  store.fails = true;
  await copies.save(followed);
  expect([logged.length, followed.saving]).toEqual([1, undefined]);
  store.fails = false;
  await copies.save(followed);
  expect(store.kept.has('t:token')).toBe(true);
});

test('the copy of a connection that has closed is there for its agent for some seconds', () => {
  vi.useFakeTimers();
  const { store, copies } = start();
  store.kept.set('t:token', Buffer.alloc(0));
  copies.removeLater('token');
  vi.advanceTimersByTime(14_000);
  expect(store.kept.has('t:token')).toBe(true);
  vi.advanceTimersByTime(1_000);
  expect(store.kept.has('t:token')).toBe(false);
  copies.removeLater('other');
  copies.close();
  expect(vi.getTimerCount()).toBe(0);
});
