import type { Config, FailureCode, ProductPolicy, Target } from '@gopush/contract';
import { hashText, seedOfTargets } from './rendezvous.ts';

/** Settings of the passive health checks. */
export type HealthConfig = Config['health'];

/** One target of a product, with what this agent knows of it. */
export class Member {
  target: Target;
  readonly product: Product;
  /** For choosing by hash. */
  readonly hash: number;
  /** Open tunnels, and upgrades under way. */
  tunnels = 0;
  /** Requests in flight. */
  requests = 0;
  /** How often it was chosen. */
  picks = 0;
  /** Failures in a row. */
  failures = 0;
  /** How often it was left out since it was last well for long. */
  ejections = 0;
  /** Until when it gets no clients, in milliseconds since 1970. */
  ejectedUntil = 0;
  /** Since when its weight rises; 0: it has it whole. */
  risesSince = 0;
  /** Why it wants no new clients, as it says itself; sessions it has stay. */
  notReady: string | undefined;
  /** What failed last. */
  lastFailure: FailureCode | undefined;
  /** When the router last named it, in milliseconds since 1970. */
  seenAt: number;

  constructor(target: Target, product: Product, now: number) {
    this.target = target;
    this.product = product;
    this.hash = hashText(target.name, seedOfTargets);
    this.seenAt = now;
  }

  get load(): number {
    return this.tunnels + this.requests;
  }

  isEjected(now: number): boolean {
    return this.ejectedUntil > now;
  }

  /** Its weight for new clients now. */
  weight(now: number, slowStartMs: number): number {
    if (this.notReady !== undefined || this.ejectedUntil > now) return 0;
    const { weight } = this.target;
    if (this.risesSince === 0 || slowStartMs === 0) return weight;
    const risen = (now - this.risesSince) / slowStartMs;
    if (risen < 1) return weight * Math.max(leastShare, risen);
    this.risesSince = 0;
    return weight;
  }
}

/** With how much of its weight a target starts slowly. */
const leastShare = 0.05;

/** Members that no router names any more are remembered so long, for the sessions they still have; milliseconds. */
const rememberMs = 600_000;

/** A product of the router with its targets. */
export class Product {
  /** As the router names it; `*` for those it does not name. */
  readonly name: string;
  readonly policy: ProductPolicy;
  readonly members = new Map<string, Member>();
  #listed: readonly Target[] | undefined;
  #current: readonly Member[] = [];

  constructor(name: string, policy: ProductPolicy) {
    this.name = name;
    this.policy = policy;
  }

  /** The members that are targets now. */
  get current(): readonly Member[] {
    return this.#current;
  }

  /** Takes up which targets there are now; the same list again costs nothing. */
  list(targets: readonly Target[], now: number, slowStartMs: number): readonly Member[] {
    if (targets === this.#listed) return this.#current;
    // What is there at the start has its weight at once.
    const first = this.#listed === undefined;
    this.#listed = targets;
    this.#current = targets.map((target) => {
      const known = this.members.get(target.name);
      if (known !== undefined) {
        known.target = target;
        known.seenAt = now;
        return known;
      }
      const member = new Member(target, this, now);
      if (!first && slowStartMs > 0) member.risesSince = now;
      this.members.set(target.name, member);
      return member;
    });
    return this.#current;
  }

  /** Forgets members that were not named for long and carry nothing. */
  sweep(now: number): void {
    for (const member of this.#current) member.seenAt = now;
    for (const [name, member] of this.members) {
      if (member.load === 0 && now - member.seenAt > rememberMs) this.members.delete(name);
    }
  }
}

/** All products of an agent with what it knows of their targets. */
export interface Fleet {
  readonly products: ReadonlyMap<string, Product>;
  readonly health: HealthConfig;
  /** The product of a router entry; one with other settings than before starts with what is known of the members. */
  product(name: string, policy: ProductPolicy): Product;
  succeeded(member: Member): void;
  /** Counts a failure; after some in a row the member is left out for a while. */
  failed(member: Member, code: FailureCode): void;
  /** A member was found to be there, so it need not be left out any longer. */
  found(member: Member): void;
  close(): void;
}

/** What is told when a target is left out, or comes back. */
export type OnHealth = (member: Member, event: 'ejected' | 'back', forMs: number) => void;

/**
 * Opens the account of targets. A target that fails several times in a row is left out for a time that doubles, as in Envoy's outlier
 * detection (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier), but never more than a share of them.
 */
export function createFleet(health: HealthConfig, onHealth: OnHealth): Fleet {
  const products = new Map<string, Product>();
  const sweep = setInterval(() => {
    for (const product of products.values()) product.sweep(Date.now());
  }, 60_000).unref();

  function mayEject({ product }: Member, now: number): boolean {
    const { current } = product;
    const ejected = current.filter((member) => member.isEjected(now)).length;
    return ejected + 1 <= Math.floor((current.length * health.maxEjectedPercent) / 100);
  }
  function succeeded(member: Member): void {
    if (member.failures === 0 && member.ejections === 0) return;
    const now = Date.now();
    member.failures = 0;
    if (member.isEjected(now)) return;
    if (member.ejectedUntil > 0) {
      member.ejectedUntil = 0;
      if (health.slowStartMs > 0) member.risesSince = now;
      onHealth(member, 'back', 0);
    } else if (member.risesSince === 0) member.ejections = 0;
  }

  return {
    products,
    health,
    product(name, policy) {
      const known = products.get(name);
      if (known !== undefined && (known.policy === policy || samePolicy(known.policy, policy))) return known;
      const product = new Product(name, policy);
      products.set(name, product);
      return product;
    },
    succeeded,
    found(member) {
      if (member.ejectedUntil > 0) member.ejectedUntil = Math.min(member.ejectedUntil, Date.now());
      succeeded(member);
    },
    failed(member, code) {
      const now = Date.now();
      member.lastFailure = code;
      member.failures++;
      // One that has just been left out gets one try, not as many as before.
      const allowed = member.ejectedUntil > 0 ? 1 : health.failures;
      if (member.failures < allowed || member.isEjected(now) || !mayEject(member, now)) return;
      const forMs = Math.min(health.ejectMs * 2 ** member.ejections, health.maxEjectMs);
      member.ejections = Math.min(member.ejections + 1, 30);
      member.ejectedUntil = now + forMs;
      member.failures = 0;
      onHealth(member, 'ejected', forMs);
    },
    close: () => clearInterval(sweep),
  };
}

function samePolicy(one: ProductPolicy, other: ProductPolicy): boolean {
  return (Object.keys(one) as (keyof ProductPolicy)[]).every((key) => one[key] === other[key]);
}
