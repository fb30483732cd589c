import { choose } from '../route/choose.ts';
import { clientKey } from '../route/client-key.ts';
import type { Member, Product } from '../route/fleet.ts';
import type { LeavingSession } from './leaving-sessions.ts';

/**
 * Finds the sessions of a product that belong to another target: the one that its policy would choose for a new client of the same uid. Each session
 * that was found counts as moved, so a policy that looks at loads moves only as many as it takes to even them out.
 */
export class Placement {
  readonly #product: Product;
  readonly #slowStartMs: number;
  readonly #now = performance.now();
  /** How many sessions targets will have when those that were found have moved. */
  readonly #planned = new Map<Member, number>();
  readonly #sessionsPerWeight: number;

  constructor(product: Product, slowStartMs: number) {
    this.#product = product;
    this.#slowStartMs = slowStartMs;
    let sessions = 0;
    for (const { tunnels } of product.members.values()) sessions += tunnels;
    this.#sessionsPerWeight = sessions / product.current.reduce((sum, member) => sum + this.#weightOf(member), 0);
  }

  /** Where a session belongs; `undefined`: where it is. */
  elsewhere({ info, member }: Pick<LeavingSession, 'info' | 'member'>): Member | undefined {
    if (info === undefined) return undefined;
    const { choose: by } = this.#product.policy;
    const byLoad = by === 'least-connections' || by === 'random-of-two';
    if (byLoad && this.#sessionsOf(member) <= this.#weightOf(member) * this.#sessionsPerWeight) return undefined;
    const best = this.#choose(clientKey(info.uid, info.address), member, byLoad);
    if (best === undefined || best === member || (byLoad && !this.#isBetter(best, member))) return undefined;
    this.#planned.set(member, this.#sessionsOf(member) - 1);
    this.#planned.set(best, this.#sessionsOf(best) + 1);
    return best;
  }

  /** Chooses a target as if this session, which is at `own`, were new. */
  #choose(key: string, own: Member, byLoad: boolean): Member | undefined {
    const { name, policy, current } = this.#product;
    return choose(
      current,
      byLoad ? leastConnections : policy,
      { product: name, key, tried: undefined, now: this.#now, slowStartMs: this.#slowStartMs },
      { loadOf: (member) => this.#sessionsOf(member) - (member === own ? 1 : 0) },
    );
  }

  /** Whether a target has less load for its weight than the one that a session is at, also with that session. */
  #isBetter(best: Member, own: Member): boolean {
    return (this.#sessionsOf(best) + 1) / this.#weightOf(best) < this.#sessionsOf(own) / this.#weightOf(own);
  }

  #sessionsOf(member: Member): number {
    return this.#planned.get(member) ?? member.tunnels;
  }

  #weightOf(member: Member): number {
    return member.weight(this.#now, this.#slowStartMs);
  }
}

const leastConnections = { choose: 'least-connections', boundedLoad: 1 } as const;
