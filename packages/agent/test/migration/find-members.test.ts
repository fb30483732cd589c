import { expect, test } from 'vitest';
import { membersWithoutRoute } from '../../src/migration/find-members.ts';
import { createMembers } from '../support/members.ts';

test('while hooks fail, a session may go to the targets of its product, or back where a function named them for one client', () => {
  const members = createMembers([1, 1]);
  const [from] = members as [(typeof members)[0]];
  expect(membersWithoutRoute(from)).toEqual(members);
  from.product.byFunction = true;
  expect(membersWithoutRoute(from)).toEqual([from]);
});
