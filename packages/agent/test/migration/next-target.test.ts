import { describe, expect, test } from 'vitest';
import { chooseInstead, chooseNext, membersWithoutRoute } from '../../src/migration/next-target.ts';
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

describe('instead of the next target a session may go', () => {
  const instead = (members: ReturnType<typeof createMembers>, next: number) =>
    chooseInstead(members[next] as never, sessionOf(members[0] as never), members, {
      tried: new Set([members[0] as never]),
      slowStartMs: 0,
    });

  test("to the policy's choice after that one", () => {
    const members = createMembers([1, 1, 1]);
    expect(instead(members, 1)).toBe(members[2]);
    expect(instead(members, 2)).toBe(members[1]);
    expect(instead(createMembers([1, 1]), 1)).toBeUndefined();
  });

  test('to none of less weight, which would get more than its share', () => {
    const members = createMembers([1, 2, 1]);
    expect(instead(members, 1)).toBeUndefined();
    expect(instead(members, 2)).toBe(members[1]);
  });

  test('to none that accepts no new clients', () => {
    const members = createMembers([1, 1, 1]);
    Object.assign(members[2] as object, { notReady: 'it is full' });
    expect(instead(members, 1)).toBeUndefined();
  });
});
