import { expect, test } from 'vitest';
import { LeavingSessions } from '../../src/migration/leaving-sessions.ts';
import type { Tunnel } from '../../src/tunnel/tunnel.ts';
import { createMembers } from '../support/members.ts';

const [here, elsewhere] = createMembers([1, 1]) as [never, never];

/** A tunnel to a target that can be asked for its session, or cannot. */
const tunnel = (member: object, canMigrate = true): Tunnel =>
  ({ member, isHeld: false, isOver: false, migrate: () => canMigrate }) as unknown as Tunnel;

test('sessions are asked for in the order in which they were added, past those that are gone or cannot migrate', () => {
  const leaving = new LeavingSessions(here);
  const [first, second] = [tunnel(here), tunnel(here)];
  for (const one of [tunnel(elsewhere), first, tunnel(here, false), second]) leaving.add(one);
  expect([leaving.askNext(0), leaving.askNext(0), leaving.askNext(0)]).toEqual([first, second, undefined]);
});

test('50 at a time: the next one when one has gone, or has taken too long', () => {
  const leaving = new LeavingSessions(here);
  const all = Array.from({ length: 60 }, () => tunnel(here));
  for (const one of all) leaving.add(one);
  while (leaving.canAsk) leaving.askNext(0);
  leaving.forgetOld(249);
  expect(leaving.canAsk).toBe(false);
  Object.assign(all[0] as Tunnel, { member: elsewhere });
  leaving.forgetOld(249);
  expect(leaving.canAsk).toBe(true);
  expect(leaving.askNext(249)).toBe(all[50]);
  expect(leaving.canAsk).toBe(false);
  leaving.forgetOld(250);
  while (leaving.canAsk) leaving.askNext(250);
  expect(leaving.isEmpty).toBe(false);
  leaving.forgetOld(500);
  expect(leaving.isEmpty).toBe(true);
});
