import { describe, expect, test } from 'vitest';
import { PolicyChoices } from '../../src/migration/policy-choices.ts';
import { createMembers } from '../support/members.ts';

const choicesFor = (member: ReturnType<typeof createMembers>[number]) =>
  new PolicyChoices({ uid: 'alice', address: '10.0.0.1', product: 'default', member }, 0);

test('a session goes where a new client of its uid would, but not where it was tried', () => {
  const members = createMembers([1, 1, 1]);
  const [from] = members as [(typeof members)[0]];
  const first = choicesFor(from).first(members, new Set([from]));
  expect(first).not.toBe(from);
  expect(choicesFor(from).first(members, new Set([from]))).toBe(first);
  const tried = new Set([from, first as typeof from]);
  const last = choicesFor(from).first(members, tried);
  expect(members.filter((one) => !tried.has(one))).toEqual([last]);
  expect(choicesFor(from).first(members, new Set(members))).toBeUndefined();
});

test('where no target accepts new clients, a session gets one all the same', () => {
  const [from, other] = createMembers([1, 1]) as [never, never];
  Object.assign(other, { notReady: 'it is full' });
  expect(choicesFor(from).first([from, other], new Set([from]))).toBe(other);
});

describe('instead of the first choice a session may go', () => {
  const instead = (members: ReturnType<typeof createMembers>, first: number) => {
    const [from] = members as [(typeof members)[0]];
    return choicesFor(from).second(members[first] as never, members, new Set([from]));
  };

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
