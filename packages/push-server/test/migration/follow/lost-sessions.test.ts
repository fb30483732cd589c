import { expect, test } from 'vitest';
import { LostSessions } from '../../../src/migration/follow/lost-sessions.ts';
import { follow } from '../../support/fake-connection.ts';

test('a session whose connection was lost is kept for its client, unless it runs elsewhere', async () => {
  const kept: string[] = [];
  const keep = (name: string) => async (): Promise<void> => void kept.push(name);
  const lost = new LostSessions({ isOursBy: async (pid) => pid === 'ours' });
  const { followed } = follow();
  expect(await lost.lost(undefined, 'not followed', keep('not followed'))).toBe(true);
  expect(await lost.lost(followed, 'ours', keep('ours'))).toBe(true);
  expect(await lost.lost(followed, 'elsewhere', keep('elsewhere'))).toBe(false);
  await lost.kept(followed);
  expect(kept).toEqual(['not followed', 'ours']);
});

test('a connection is through with its sessions when all of them are kept, or could not be', async () => {
  const lost = new LostSessions({ isOursBy: async () => true });
  const { followed } = follow();
  let keep = (): void => {};
  const slow = new Promise<void>((resolve) => {
    keep = resolve;
  });
  const failing = lost.lost(followed, 'a', async () => {
    throw new Error('the store is away');
  });
  void lost.lost(followed, 'b', () => slow);
  await expect(failing).rejects.toThrow('away');
  let isDone = false;
  const done = lost.kept(followed).then(() => {
    isDone = true;
  });
  await new Promise(setImmediate);
  expect(isDone).toBe(false);
  keep();
  await done;
});
