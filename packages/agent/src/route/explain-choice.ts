import type { TargetSource } from '@gopush/contract';
import { type ChooseFor, choose } from './choose.ts';
import type { Member, Product } from './fleet.ts';

/** Most targets that are explained. */
const mostRanked = 10;

/** Which target a client would get, and why. */
export interface ExplainedChoice {
  /** `null`: none takes new clients. */
  readonly target: string | null;
  /** In words, step by step. */
  readonly why: readonly string[];
  /** The targets in the order in which they would be tried. */
  readonly ranking: readonly { readonly target: string; readonly connections: number; readonly weight: number }[];
}

/** The client whose choice is explained. */
type Client = Pick<ChooseFor, 'key' | 'now' | 'slowStartMs'>;

/**
 * Explains which target a new session of a client would get.
 *
 * @param from - where the targets of the product come from
 */
export function explainChoice(
  product: Product,
  from: TargetSource['kind'] | 'function',
  client: Client,
): ExplainedChoice {
  const { current, policy, name } = product;
  const { now, slowStartMs } = client;
  const ready = current.filter((member) => member.weight(now, slowStartMs) > 0);
  const ranking = rank(product, client);
  const [first] = ranking;
  return {
    target: first?.target.name ?? null,
    why: [
      `the router leads ${name} to ${sources[from]}: ${count(current.length, 'target')}`,
      ...(ready.length === current.length
        ? []
        : [`${count(current.length - ready.length, 'target')} of them takes no new clients now`]),
      policies[policy.choose],
      ...whyNotFirst(product, first, client),
      ...(policy.sticky === 'none'
        ? []
        : ['a session that is running stays with its target, whatever this says (sticky)']),
    ],
    ranking: ranking.map((member) => ({
      target: member.target.name,
      connections: member.load,
      weight: member.weight(now, slowStartMs),
    })),
  };
}

const sources: Readonly<Record<TargetSource['kind'] | 'function', string>> = {
  'built-in': 'the push-servers',
  list: 'a list',
  dns: 'the addresses of a DNS name',
  srv: 'the SRV records of a DNS name',
  function: 'what its function names for this client',
};

const policies = {
  hash: 'the hash of product and uid ranks them (hash): the same user always gets the same one',
  'bounded-hash':
    'the hash of product and uid ranks them, and those with more than their share of load are left out (bounded-hash)',
  'least-connections':
    'the one with the least load for its weight comes first (least-connections); the uid does not matter',
  'random-of-two':
    'of two at random the one with less load (random-of-two); the uid does not matter, and this is only an example',
} as const;

function rank({ current, policy, name }: Product, client: Client): Member[] {
  const tried = new Set<Member>();
  while (tried.size < mostRanked) {
    const next = choose(current, policy, { ...client, product: name, tried });
    if (next === undefined) break;
    tried.add(next);
  }
  return [...tried];
}

/** With bounded loads: which target the hash would have chosen. */
function whyNotFirst({ current, policy, name }: Product, first: Member | undefined, client: Client): string[] {
  if (policy.choose !== 'bounded-hash') return [];
  const byHash = choose(current, { ...policy, choose: 'hash' }, { ...client, product: name, tried: undefined });
  if (byHash === undefined || byHash === first) return [];
  return [`${byHash.target.name} would be first, but has more than its share of load: ${byHash.load}`];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
