import { expect, test } from 'vitest';
import type { Member } from '../../src/route/fleet.ts';
import { targetsOf, waitersFor } from '../../src/route/hold.ts';
import { createMembers } from '../support/members.ts';

test('all targets are tried that clients wait for or that are current, but not those that take no new clients', () => {
  const [old, both, current, unready] = createMembers([1, 1, 1, 1]) as unknown as [Member, Member, Member, Member];
  unready.notReady = 'it says so';
  const list = [both, current, unready];
  expect(targetsOf(list, [{ members: [old, both] }, { members: list }])).toEqual([both, current, old]);
  expect(targetsOf([], [])).toEqual([]);
});

test('a target that is up serves those that wait for it, and those with an older list where it is current', () => {
  const [old, fresh] = createMembers([1, 1]) as unknown as [Member, Member];
  const current = [fresh];
  const waiters = [{ members: [old] }, { members: current }, { members: [old, fresh] }];
  expect(waitersFor(fresh, current, waiters)).toEqual(waiters);
  expect(waitersFor(old, current, waiters)).toEqual([waiters[0], waiters[2]]);
  expect(waitersFor(old, [old], [{ members: current }])).toEqual([{ members: current }]);
});
