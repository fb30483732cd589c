import type { ProductPolicy } from '@gopush/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Placement } from '../../src/migration/placement.ts';
import { choose } from '../../src/route/choose.ts';
import type { Member } from '../../src/route/fleet.ts';
import { createMembers, plainPolicy } from '../support/members.ts';

type Session = { member: Member; readonly info: { readonly uid: string; readonly address: string; product: string } };

const weights = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 });
/** At which target each session is, modulo their number. */
const places = fc.array(fc.nat(), { maxLength: 200 });

function open(policy: Partial<ProductPolicy>, allWeights: readonly number[], at: readonly number[]) {
  const members = createMembers(allWeights);
  const { product } = members[0] as Member;
  product.policy = { ...plainPolicy, ...policy };
  const sessions = at.map((place, index): Session => {
    const member = members[place % members.length] as Member;
    member.tunnels++;
    return { member, info: { uid: `u${index}`, address: '10.0.0.1', product: 'default' } };
  });
  /** Moves all that belong elsewhere. @returns how many */
  const rebalance = (): number => {
    const placement = new Placement(product, 0);
    const moves = sessions.flatMap((session) => {
      const to = placement.elsewhere(session);
      return to === undefined ? [] : [{ session, to }];
    });
    for (const { session, to } of moves) {
      session.member.tunnels--;
      to.tunnels++;
      session.member = to;
    }
    return moves.length;
  };
  return { members, product, sessions, rebalance };
}

test('with a hash each session goes to the target that a new client of its uid gets', () => {
  fc.assert(
    fc.property(weights, places, (all, at) => {
      const { sessions, product, rebalance } = open({}, all, at);
      rebalance();
      for (const { member, info } of sessions) {
        const client = { product: 'default', key: info.uid, tried: undefined, now: 0, slowStartMs: 0 };
        expect(member).toBe(choose(product.current, product.policy, client));
      }
      expect(rebalance()).toBe(0);
    }),
  );
});

test.each(['least-connections', 'random-of-two'] as const)(
  'with %s no more sessions move than it takes to even out the loads',
  (policy) => {
    fc.assert(
      fc.property(weights, places, (all, at) => {
        const { members, rebalance } = open({ choose: policy }, all, at);
        const weight = all.reduce((sum, one) => sum + one, 0);
        const tooMany = members.map(({ tunnels, target }) =>
          Math.max(0, tunnels - Math.floor((at.length * target.weight) / weight)),
        );
        // Shares are no whole numbers.
        const most = tooMany.reduce((sum, one) => sum + one, 0) + members.length;
        expect(rebalance()).toBeLessThanOrEqual(most);
        const loads = members.map(({ tunnels, target }) => tunnels / target.weight);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  },
);

test('with bounded-hash the sessions of a target that is full stay, and those of one that has too many leave', () => {
  const full = open({ choose: 'bounded-hash', boundedLoad: 1.25 }, [1, 1], Array(8).fill(0));
  const [first, second] = full.members as [Member, Member];
  expect(full.rebalance()).toBeGreaterThanOrEqual(3);
  expect(first.tunnels).toBeLessThanOrEqual(5);
  expect(second.tunnels).toBeLessThanOrEqual(5);

  fc.assert(
    fc.property(weights, places, fc.double({ min: 1.01, max: 3, noNaN: true }), (all, at, boundedLoad) => {
      const { members, sessions, rebalance } = open({ choose: 'bounded-hash', boundedLoad }, all, at);
      rebalance();
      const weight = all.reduce((sum, one) => sum + one, 0);
      for (const { tunnels, target } of members)
        expect(tunnels).toBeLessThanOrEqual(Math.ceil((boundedLoad * sessions.length * target.weight) / weight));
    }),
  );
});

test('a session whose client is not known any more stays', () => {
  const { members } = open({ choose: 'least-connections' }, [1, 1], [0, 0]);
  const [first] = members as [Member, Member];
  expect(new Placement(first.product, 0).elsewhere({ member: first, info: undefined })).toBeUndefined();
});
