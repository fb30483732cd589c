import type { ProductPolicy } from '@gopush/contract';
import type { Member } from './fleet.ts';
import { pickByRendezvous } from './rendezvous.ts';

/** The client that a target is chosen for. */
export interface ChooseFor {
  readonly product: string;
  /** The key of hashing: the uid, or what stands in its place. */
  readonly key: string;
  /** Members that were tried already, if any. */
  readonly tried: ReadonlySet<Member> | undefined;
  /** In time of `performance.now()`. */
  readonly now: number;
  readonly slowStartMs: number;
}

/** What a choice depends on besides the client. */
export interface ChoiceInputs {
  /** Numbers from 0 to below 1. @defaultValue Math.random */
  readonly random?: () => number;
  /** The load of a member. @defaultValue the one that it has now */
  readonly loadOf?: (member: Member) => number;
}

const ownLoad = (member: Member): number => member.load;

/**
 * Chooses a target for a client, by the product's policy.
 *
 * @returns `undefined` if none takes new clients
 */
export function choose(
  current: readonly Member[],
  policy: Pick<ProductPolicy, 'choose' | 'boundedLoad'>,
  client: ChooseFor,
  { random = Math.random, loadOf = ownLoad }: ChoiceInputs = {},
): Member | undefined {
  const { now, slowStartMs, tried } = client;
  const weightOf = (member: Member): number => (tried?.has(member) ? 0 : member.weight(now, slowStartMs));
  switch (policy.choose) {
    case 'hash':
      return pickByRendezvous(client.product, client.key, current, weightOf);
    case 'bounded-hash': {
      const isFull = boundOf(current, weightOf, loadOf, policy.boundedLoad);
      return pickByRendezvous(client.product, client.key, current, (member) => (isFull(member) ? 0 : weightOf(member)));
    }
    case 'least-connections':
      return pickLeast(current, weightOf, loadOf, random);
    case 'random-of-two':
      return pickOfTwo(current, weightOf, loadOf, random);
  }
}

/**
 * Consistent hashing with bounded loads: Mirrokni, Thorup and Zadimoghaddam (2016), https://arxiv.org/abs/1608.01350. The load of a target is at most
 * `factor` times its share of all load, the new client included.
 */
function boundOf(
  members: readonly Member[],
  weightOf: (member: Member) => number,
  loadOf: (member: Member) => number,
  factor: number,
): (member: Member) => boolean {
  let load = 1;
  let weight = 0;
  for (const member of members) {
    const own = weightOf(member);
    if (own === 0) continue;
    weight += own;
    load += loadOf(member);
  }
  return (member) => loadOf(member) >= Math.ceil((factor * load * weightOf(member)) / weight);
}

function pickLeast(
  members: readonly Member[],
  weightOf: (member: Member) => number,
  loadOf: (member: Member) => number,
  random: () => number,
): Member | undefined {
  let best: Member | undefined;
  let least = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (const member of members) {
    const weight = weightOf(member);
    if (weight === 0) continue;
    const load = loadOf(member) / weight;
    // Chooses one of those with the least load at random: otherwise the first one would get all clients that come at once.
    if (load < least) equals = 1;
    else if (load > least || random() * ++equals >= 1) continue;
    best = member;
    least = load;
  }
  return best;
}

/** The power of two choices: Mitzenmacher (2001), "The power of two choices in randomized load balancing". */
function pickOfTwo(
  members: readonly Member[],
  weightOf: (member: Member) => number,
  loadOf: (member: Member) => number,
  random: () => number,
): Member | undefined {
  const one = pickByWeight(members, weightOf, random);
  if (one === undefined) return undefined;
  const other = pickByWeight(members, (member) => (member === one ? 0 : weightOf(member)), random) ?? one;
  return loadOf(other) / weightOf(other) < loadOf(one) / weightOf(one) ? other : one;
}

function pickByWeight(
  members: readonly Member[],
  weightOf: (member: Member) => number,
  random: () => number,
): Member | undefined {
  let total = 0;
  for (const member of members) total += weightOf(member);
  let left = random() * total;
  let last: Member | undefined;
  for (const member of members) {
    const weight = weightOf(member);
    if (weight === 0) continue;
    left -= weight;
    if (left < 0) return member;
    last = member;
  }
  // Only after rounding.
  return last;
}
