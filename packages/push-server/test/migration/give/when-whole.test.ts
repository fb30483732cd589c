import { expect, test } from 'vitest';
import type { MigratableSession } from '../../../src/migration/follow/migratable-session.ts';
import { whenWhole } from '../../../src/migration/give/when-whole.ts';
import { addSocket, follow } from '../../support/fake-connection.ts';

const noSessions = { get: () => undefined };
const bounds = (answerMs: number, ms = 5_000) => {
  const by = performance.now() + ms;
  return { answerMs, by: () => by };
};

test('a session that has begun long ago is whole at once', async () => {
  const { followed } = follow(['a']);
  expect(await whenWhole(followed, noSessions, bounds(1_000))).toBe(true);
});

test('a session that begins is waited for', async () => {
  const { followed } = follow(['a']);
  let isBeginning = true;
  const sessions = { get: () => ({ isBeginning }) as MigratableSession };
  let whole: unknown = 'pending';
  const waiting = whenWhole(followed, sessions, bounds(0)).then((isWhole) => {
    whole = isWhole;
  });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(whole).toBe('pending');
  isBeginning = false;
  await waiting;
  expect(whole).toBe(true);
});

test('a client that enters its first namespace in time is given, and one that does not stays', async () => {
  const entering = follow();
  const whole = whenWhole(entering.followed, noSessions, bounds(5_000));
  addSocket(entering.client, 'a');
  expect(await whole).toBe(true);
  expect(await whenWhole(follow().followed, noSessions, bounds(10))).toBe(false);
});

test('a session that enters its namespaces again is given after its time, with those that it has not entered', async () => {
  const { followed, client } = follow(['a']);
  Object.defineProperty(client, 'hasReturned', { value: false });
  expect(await whenWhole(followed, noSessions, bounds(10))).toBe(true);
});

test('a client that has gone is not given', async () => {
  const { followed, fake } = follow(['a']);
  fake.readyState = 'closed';
  expect(await whenWhole(followed, noSessions, bounds(5_000))).toBe(false);
});
