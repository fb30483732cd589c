import { expect, test } from 'vitest';
import { StoppedAhead } from '../../../src/migration/give/stopped-ahead.ts';

type Session = { readonly id: number };

/** Sessions that wait until their clients may be stopped. */
function start(count: number, shareMs = 60_000) {
  const ahead = new StoppedAhead<Session>(() => shareMs);
  const sessions = Array.from({ length: count }, (_, id) => ({ id }));
  const entered: Session[] = [];
  for (const session of sessions) void ahead.enter(session).then(() => entered.push(session));
  return { ahead, sessions, entered };
}
const settled = () => new Promise(setImmediate);

/** It is ready, and its turn comes. */
function give(ahead: StoppedAhead<Session>, sessions: readonly Session[], waiting: number | undefined): void {
  for (const session of sessions) {
    ahead.ready(session, waiting);
    ahead.leave(session);
  }
}

test('more are stopped ahead while each is given at once', async () => {
  const { ahead, sessions, entered } = start(100);
  await settled();
  expect(entered).toEqual(sessions.slice(0, 8));
  give(ahead, sessions.slice(0, 8), undefined);
  await settled();
  expect(entered).toEqual(sessions.slice(0, 24));
  give(ahead, sessions.slice(8, 16), 1);
  await settled();
  expect(entered).toEqual(sessions.slice(0, 32));
});

test('fewer are stopped ahead while several wait for their turns, but some', async () => {
  const { ahead, sessions, entered } = start(100);
  give(ahead, sessions.slice(0, 4), 2);
  await settled();
  expect(entered).toEqual(sessions.slice(0, 8));
  give(ahead, sessions.slice(4, 40), 2);
  await settled();
  expect(entered.length).toBe(44);
});

test('a session that is not given makes room, as does one that waits in line', async () => {
  const { ahead, sessions, entered } = start(20);
  ahead.leave(sessions[19] as Session);
  ahead.leave(sessions[0] as Session);
  await settled();
  expect(entered.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 19, 8]);
});

test('one whose handlers take long does not count for long', async () => {
  const { entered } = start(20);
  await expect.poll(() => entered.length, { timeout: 2_000 }).toBe(20);
});

test('one that only waits for its turn counts for as long as that takes', async () => {
  const { ahead, sessions, entered } = start(20);
  for (const session of sessions.slice(0, 7)) ahead.ready(session, 1);
  // The eighth one does not count any more.
  await expect.poll(() => entered.length, { timeout: 2_000 }).toBe(9);
  ahead.ready(sessions[7] as Session, 1);
  ahead.leave(sessions[0] as Session);
  await settled();
  expect(entered.length).toBe(9);
  ahead.leave(sessions[1] as Session);
  await settled();
  expect(entered.length).toBe(10);
});

test('where there is little time for many, a client counts for a shorter time', async () => {
  const { entered } = start(80, 10);
  // With half a second for eight it would take 4.5 s.
  await expect.poll(() => entered.length, { timeout: 2_000 }).toBe(80);
});
