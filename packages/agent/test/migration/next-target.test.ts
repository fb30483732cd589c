import { expect, test } from 'vitest';
import { chooseNext, membersWithoutRoute } from '../../src/migration/next-target.ts';
import { createMembers } from '../support/members.ts';

const sessionOf = (member: ReturnType<typeof createMembers>[number]) => ({
  uid: 'alice',
  address: '10.0.0.1',
  product: 'default',
  member,
});

test('a session goes where a new client of its uid would, but not where it was tried', () => {
  const members = createMembers([1, 1, 1]);
  const [from] = members as [(typeof members)[0]];
  const first = chooseNext(sessionOf(from), members, new Set([from]), 0);
  expect(first).not.toBe(from);
  expect(chooseNext(sessionOf(from), members, new Set([from]), 0)).toBe(first);
  const tried = new Set([from, first as typeof from]);
  const last = chooseNext(sessionOf(from), members, tried, 0);
  expect(members.filter((one) => !tried.has(one))).toEqual([last]);
  expect(chooseNext(sessionOf(from), members, new Set(members), 0)).toBeUndefined();
});

test('where no target accepts new clients, a session gets one all the same', () => {
  const [from, other] = createMembers([1, 1]) as [never, never];
  Object.assign(other, { notReady: 'it is full' });
  expect(chooseNext(sessionOf(from), [from, other], new Set([from]), 0)).toBe(other);
});

test('while hooks fail, a session may go to the targets of its product, or back where a function named them for one client', () => {
  const members = createMembers([1, 1]);
  const [from] = members as [(typeof members)[0]];
  expect(membersWithoutRoute(from)).toEqual(members);
  from.product.byFunction = true;
  expect(membersWithoutRoute(from)).toEqual([from]);
});
