import { expect, test } from 'vitest';
import { LiveSessions } from '../../src/session/live-sessions.ts';
import type { Session } from '../../src/session/session.ts';

const sessionOn = (conn: object): Session => ({ socket: { id: 'socket', conn }, pid: 'pid' }) as unknown as Session;

test('a session that has come once more is replaced, also once it is removed, until the other one is', () => {
  const live = new LiveSessions();
  const [first, second] = [sessionOn({}), sessionOn({})];
  live.add(first);
  expect(live.isReplaced(first)).toBe(false);
  live.add(second);
  expect([live.isReplaced(first), live.isReplaced(second)]).toEqual([true, false]);
  live.remove(first);
  expect([live.isReplaced(first), live.get('socket'), live.byPid('pid')]).toEqual([true, second, second]);
  live.remove(second);
  expect([live.isReplaced(first), live.isReplaced(second)]).toEqual([false, false]);
});
