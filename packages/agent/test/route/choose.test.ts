import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choose } from '../../src/route/choose.ts';
import type { Member } from '../../src/route/fleet.ts';
import { createMembers, createRandom, plainPolicy } from '../support/members.ts';

const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 });
const client = (uid: string, now = 0, slowStartMs = 0) => ({
  product: 'default',
  key: uid,
  tried: new Set<Member>(),
  now,
  slowStartMs,
});
const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);

test('bounded-hash never exceeds its bound, and is plain hash below it', () => {
  fc.assert(
    fc.property(
      weights,
      fc.double({ min: 1.01, max: 3, noNaN: true }),
      fc.integer({ min: 1, max: 200 }),
      (all, factor, clients) => {
        const members = createMembers(all);
        const bound = (member: Member, load: number): number =>
          Math.ceil((factor * load * member.target.weight) / sum(all));
        for (let index = 0; index < clients; index++) {
          // Few uids, so that some members are wanted by far too many.
          const who = client(`u${index % 3}`);
          const wanted = choose(members, plainPolicy, who) as Member;
          const isBelow = wanted.load < bound(wanted, index + 1);
          const chosen = choose(members, { choose: 'bounded-hash', boundedLoad: factor }, who) as Member;
          if (isBelow) expect(chosen).toBe(wanted);
          chosen.tunnels++;
          expect(chosen.load).toBeLessThanOrEqual(bound(chosen, index + 1));
        }
      },
    ),
  );
});

test('least-connections takes one that has least for its weight, and any of several', () => {
  fc.assert(
    fc.property(weights, fc.integer(), fc.integer({ min: 1, max: 200 }), (all, seed, clients) => {
      const members = createMembers(all);
      const random = createRandom(Math.abs(seed));
      const share = (member: Member): number => member.load / member.target.weight;
      for (let index = 0; index < clients; index++) {
        const least = Math.min(...members.map(share));
        const chosen = choose(members, { ...plainPolicy, choose: 'least-connections' }, client('ann'), {
          random,
        }) as Member;
        expect(share(chosen)).toBe(least);
        chosen.requests++;
      }
    }),
  );
  const equals = createMembers([1, 1, 1, 1]);
  const random = createRandom(7);
  const seen = new Map<Member, number>();
  for (let index = 0; index < 4_000; index++) {
    const chosen = choose(equals, { ...plainPolicy, choose: 'least-connections' }, client('ann'), { random }) as Member;
    seen.set(chosen, (seen.get(chosen) ?? 0) + 1);
  }
  for (const member of equals) expect(seen.get(member)).toBeGreaterThan(850);
});

test('random-of-two never takes the one that has most for its weight', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 8 }), fc.nat(), (loads, seed) => {
      const members = createMembers(loads.map((_, index) => 1 + (index % 3)));
      members.forEach((member, index) => {
        member.tunnels = loads[index] as number;
      });
      const shares = members.map((member) => member.load / member.target.weight);
      const most = Math.max(...shares);
      fc.pre(shares.filter((one) => one === most).length === 1);
      const policy = { ...plainPolicy, choose: 'random-of-two' } as const;
      expect(choose(members, policy, client('ann'), { random: createRandom(seed) })).not.toBe(
        members[shares.indexOf(most)],
      );
    }),
  );
});

test('random-of-two takes idle members by their weight', () => {
  const members = createMembers([1, 2, 5]);
  const random = createRandom(11);
  const seen = [0, 0, 0];
  for (let index = 0; index < 8_000; index++) {
    const chosen = choose(members, { ...plainPolicy, choose: 'random-of-two' }, client('ann'), { random }) as Member;
    (seen[members.indexOf(chosen)] as number)++;
  }
  expect(seen[0]).toBeGreaterThan(850);
  expect(seen[0]).toBeLessThan(1_150);
  expect(seen[2]).toBeGreaterThan(4_700);
  expect(seen[2]).toBeLessThan(5_300);
});

test('a choice by weight finds a member for the largest random number, whatever rounding leaves', () => {
  const random = (): number => 1 - 2 ** -53;
  const weight = fc.double({ min: 0.001, max: 1_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1, maxLength: 20 }), (all) => {
      const policy = { ...plainPolicy, choose: 'random-of-two' } as const;
      expect(choose(createMembers(all), policy, client('ann'), { random })).toBeDefined();
    }),
    { numRuns: 2_000 },
  );
});

test('removing one of n targets moves only its uids', () => {
  fc.assert(
    fc.property(
      weights.filter(({ length }) => length > 1),
      fc.array(fc.string(), { minLength: 1 }),
      fc.nat(),
      (all, uids, at) => {
        const members = createMembers(all);
        const gone = members[at % members.length];
        const left = members.filter((member) => member !== gone);
        for (const uid of uids) {
          const before = choose(members, plainPolicy, client(uid));
          const after = choose(left, plainPolicy, client(uid));
          if (before === gone) expect(left).toContain(after);
          else expect(after).toBe(before);
        }
      },
    ),
  );
});

test('none is chosen that was tried, is left out, is not ready or has no weight', () => {
  const [tried, ejected, notReady, last] = createMembers([1, 1, 1, 1, 0]) as [Member, Member, Member, Member, Member];
  ejected.ejectedUntil = 10;
  notReady.notReady = 'draining';
  const members = [tried, ejected, notReady, last, ...createMembers([0])];
  for (const name of ['hash', 'bounded-hash', 'least-connections', 'random-of-two'] as const) {
    const policy = { ...plainPolicy, choose: name };
    for (let index = 0; index < 50; index++) {
      const who = { ...client(`u${index}`, 5), tried: new Set([tried]) };
      expect(choose(members, policy, who)).toBe(last);
      expect(choose(members, policy, { ...who, tried: new Set([tried, last]) })).toBeUndefined();
    }
  }
});

test('the weight of a target that rises goes from a twentieth to its whole, and its clients with it', () => {
  const [old, fresh] = createMembers([1, 1]) as [Member, Member];
  const uids = Array.from({ length: 2_000 }, (_, index) => `u${index}`);
  const shareAt = (now: number): number => {
    fresh.risesSince = 1;
    return (
      uids.filter((uid) => choose([old, fresh], plainPolicy, client(uid, now, 1_000)) === fresh).length / uids.length
    );
  };
  const shares = [1, 250, 501, 750, 1_001].map(shareAt);
  expect(shares).toEqual([...shares].sort((one, other) => one - other));
  expect(shares[0]).toBeGreaterThan(0.02);
  expect(shares[0]).toBeLessThan(0.08);
  expect(shares[2]).toBeGreaterThan(0.28);
  expect(shares[2]).toBeLessThan(0.38);
  expect(shares[4]).toBeGreaterThan(0.45);
  expect(fresh.risesSince).toBe(0);
});
