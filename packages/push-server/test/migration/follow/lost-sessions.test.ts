import { expect, test } from 'vitest';
import { LostSessions } from '../../../src/migration/follow/lost-sessions.ts';
import { follow } from '../../support/fake-connection.ts';

test('a session whose connection was lost is kept for its client, unless it runs elsewhere', async () => {
  const over: (string | undefined)[] = [];
  const keep = (isOurs: boolean) => async (held?: Buffer) => {
    over.push(held?.toString());
    return isOurs;
  };
  const lost = new LostSessions();
  const { followed } = follow();
  followed.pointed.add('pointed');
  expect(await lost.lost(undefined, 'not followed', keep(true))).toBe(true);
  expect(await lost.lost(followed, 'not pointed', keep(true))).toBe(true);
  expect(await lost.lost(followed, 'pointed', keep(true))).toBe(true);
  expect(await lost.lost(followed, 'pointed', keep(false))).toBe(false);
  expect(await lost.kept(followed)).toBe(true);
  expect(over).toEqual([undefined, undefined, 'token:token', 'token:token']);
});

test('a connection is through with its sessions when all of them are kept, or could not be', async () => {
  const lost = new LostSessions();
  const { followed } = follow();
  let keep = (_: boolean): void => {};
  const slow = new Promise<boolean>((resolve) => {
    keep = resolve;
  });
  const failing = lost.lost(followed, 'a', async () => {
    throw new Error('the store is away');
  });
  void lost.lost(followed, 'b', () => slow);
  await expect(failing).rejects.toThrow('away');
  let isDone = false;
  const done = lost.kept(followed).then((areKept) => {
    isDone = true;
    return areKept;
  });
  await new Promise(setImmediate);
  expect(isDone).toBe(false);
  keep(true);
  expect(await done).toBe(false);
});
