import type { Config, FailureCode, ProductPolicy, Target } from '@gopush/contract';
import { AdmissionWindow } from '@gopush/service';
import { reserveShare } from '../limits/limits.ts';
import { beforeRequest } from '../target/connect-failure.ts';
import { hashText, seedOfTargets } from './rendezvous.ts';

/** Settings of the passive health checks. */
export type HealthConfig = Config['health'];

/** By how much handshakes of a push-server may take longer than twice the fastest before it gets fewer at a time, in milliseconds. */
const handshakeLateMs = 250;

/** One target of a product, and what this agent knows about it. */
export class Member {
  target: Target;
  readonly product: Product;
  /** Hash of its name, for choosing. */
  readonly hash: number;
  /** Open tunnels, connections that were handed over to it, and upgrades under way. */
  tunnels = 0;
  /** Requests in flight. */
  requests = 0;
  /** How often it was chosen. */
  picks = 0;
  /** Failures in a row. */
  failures = 0;
  /** How many requests it has served. */
  successes = 0;
  /** How often it failed, by what no client can cause. */
  errors = 0;
  /** The same by code. */
  readonly causes = new Map<FailureCode, number>();
  /** Messages each way through its tunnels that are closed; not of connections that were handed over. */
  messages = 0;
  /** How often it was ejected since it was last healthy for long. */
  ejections = 0;
  /** Until when it is ejected, in time of `performance.now()`. */
  ejectedUntil = 0;
  /** When it was last found healthy after an ejection, in time of `performance.now()`. */
  backSince = 0;
  /** Since when its weight rises; 0: it has its whole weight. */
  risesSince = 0;
  /** Handshakes that it has not responded to yet. */
  readonly handshakes = new AdmissionWindow({ toleranceMs: handshakeLateMs, reserve: reserveShare });
  /** Until when it is not asked to take new clients, since it has responded that it is being drained, in time of `performance.now()`. */
  drainsUntil = 0;
  /** Why it takes no new clients, in its own words; the sessions it has stay. */
  notReady: string | undefined;
  /** The last failure. */
  lastFailure: FailureCode | undefined;
  /** When the router last named it, in time of `performance.now()`. */
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

  /** Whether a client or a check has shown anything of it. */
  get isKnown(): boolean {
    return this.picks > 0 || this.load > 0 || this.errors > 0 || this.notReady !== undefined;
  }

  isEjected(now: number): boolean {
    return this.ejectedUntil > now;
  }

  /** Its weight for new clients now. */
  weight(now: number, slowStartMs: number): number {
    if (this.notReady !== undefined || this.ejectedUntil > now || this.drainsUntil > now) return 0;
    const { weight } = this.target;
    if (this.risesSince === 0 || slowStartMs === 0) return weight;
    const risen = (now - this.risesSince) / slowStartMs;
    if (risen < 1) return weight * Math.max(leastShare, risen);
    this.risesSince = 0;
    return weight;
  }
}

/** The share of its weight with which a target starts slowly. */
const leastShare = 0.05;

/** How long members that no router names any more are remembered, for the sessions they still have, in milliseconds. */
const rememberMs = 600_000;

/** How long the health of a member that a function named is checked, in milliseconds. */
const inUseMs = 60_000;

/** A product of the router with its targets. */
export class Product {
  /** As the router names it; `*` for those it does not name. */
  readonly name: string;
  readonly members = new Map<string, Member>();
  /** Whether a function names its targets, perhaps others for each client. */
  byFunction = false;
  /** Sessions that begin, and whose hooks are running. */
  readonly deciding = new AdmissionWindow({});
  #policy: ProductPolicy;
  #listed: readonly Target[] | undefined;
  #current: readonly Member[] = [];
  #isUsed = false;

  constructor(name: string, policy: ProductPolicy) {
    this.name = name;
    this.#policy = policy;
  }

  get policy(): ProductPolicy {
    return this.#policy;
  }

  /** Takes new settings. The members stay as they are, because their sessions stay. */
  set policy(policy) {
    // Without checks nothing would find out that they have become ready.
    if (policy.check !== this.#policy.check) for (const member of this.members.values()) member.notReady = undefined;
    this.#policy = policy;
  }

  /** Whether anything is known of its targets. An agent that hands connections over lists them before the first client comes. */
  get isUsed(): boolean {
    this.#isUsed ||= [...this.members.values()].some(({ isKnown }) => isKnown);
    return this.#isUsed;
  }

  /** The members that were named last. A function of a router may name others for each client. */
  get current(): readonly Member[] {
    return this.#current;
  }

  /** Sets the targets. The same array again is recognized at once. */
  list(targets: readonly Target[], now: number, slowStartMs: number): readonly Member[] {
    if (targets === this.#listed) return this.#current;
    // Targets that are there at the start have their whole weight at once.
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

  /**
   * Whether no target takes another handshake of one network now. Not known if a function names other targets for each client. What a network that
   * holds half of all is deciding does not count for the others.
   */
  isOverloaded(network: string, now: number): boolean {
    const current = this.#current;
    if (this.byFunction || current.length === 0) return false;
    const free = current.reduce((sum, { handshakes }) => sum + Math.max(0, handshakes.freeFor(network, now)), 0);
    return free < this.deciding.taken(now) - this.deciding.heldByHog(network, now) + 1;
  }

  /** The members whose health is checked: the current ones, or those that a function named lately for any client. */
  inUse(now: number): readonly Member[] {
    if (!this.byFunction) return this.#current;
    return [...this.members.values()].filter((member) => member.load > 0 || now - member.seenAt <= inUseMs);
  }

  /** Forgets members that were not named for long and have no load. */
  sweep(now: number): void {
    for (const member of this.#current) member.seenAt = now;
    for (const [name, member] of this.members) {
      if (member.load === 0 && now - member.seenAt > rememberMs) this.members.delete(name);
    }
  }
}

/** All products of an agent, and what it knows about their targets. */
export interface Fleet {
  readonly products: ReadonlyMap<string, Product>;
  readonly health: HealthConfig;
  /** The product of a router entry, with its settings as they are now. */
  product(name: string, policy: ProductPolicy, byFunction: boolean): Product;
  succeeded(member: Member): void;
  /**
   * Counts a failure; after some in a row the member is ejected for a while. Only for failures that no client can cause at a healthy member: for the
   * others there are suspects.
   *
   * @param among - the members of which only a share may be ejected
   */
  failed(member: Member, code: FailureCode, among: readonly Member[]): void;
  /** Ejects a member at once. */
  eject(member: Member, code: FailureCode, forMs: number): void;
  /** A target has announced that it stops: it gets no new clients for a moment, after which its successor may have its address. */
  leaves(target: Target): void;
  /** A member has responded that it is being drained: it is asked again after a moment, when another process may have its address. */
  drains(member: Member): void;
  /** A member was found to be up, so its ejection ends. */
  found(member: Member): void;
  /**
   * A process has come to the address of a member. Its ejection ends if the one before could not be reached. That one can be connected to does not
   * clear it if it resets connections or keeps silent: only requests of clients do.
   */
  started(member: Member): void;
  close(): void;
}

/** For how long a target that stops gets no new clients, in milliseconds. */
const leavingMs = 1_000;

/** For how long a target that is being drained gets no new clients before one of them asks it again, in milliseconds. */
const drainingMs = 2_000;

/** Called when a target is ejected, or comes back. */
export type OnHealth = (member: Member, event: 'ejected' | 'back', forMs: number) => void;

/**
 * Opens the account of targets. A target that fails several times in a row is ejected for a time that doubles, as in Envoy's outlier
 * detection (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier), but never more than a share of them, and never all.
 */
export function createFleet(health: HealthConfig, onHealth: OnHealth): Fleet {
  const products = new Map<string, Product>();
  const sweep = setInterval(() => {
    for (const product of products.values()) product.sweep(performance.now());
  }, 60_000).unref();

  function mayEject(among: readonly Member[], now: number): boolean {
    const ejected = among.filter((member) => member.isEjected(now)).length;
    return ejected < Math.min(Math.floor((among.length * health.maxEjectedPercent) / 100), among.length - 1);
  }
  function ejectionMs(before: number): number {
    return Math.min(health.ejectMs * 2 ** before, health.maxEjectMs);
  }
  function succeeded(member: Member): void {
    member.successes++;
    if (member.failures === 0 && member.ejections === 0) return;
    const now = performance.now();
    member.failures = 0;
    if (member.isEjected(now)) return;
    if (member.ejectedUntil > 0) {
      member.ejectedUntil = 0;
      member.backSince = now;
      if (health.slowStartMs > 0) member.risesSince = now;
      onHealth(member, 'back', 0);
    } else if (now - member.backSince >= ejectionMs(member.ejections - 1)) {
      // It has been healthy for as long as it was ejected; one that fails again sooner is ejected for longer.
      member.ejections = 0;
    }
  }

  function found(member: Member): void {
    if (member.ejectedUntil > 0) member.ejectedUntil = Math.min(member.ejectedUntil, performance.now());
    succeeded(member);
  }

  return {
    products,
    health,
    product(name, policy, byFunction) {
      let product = products.get(name);
      if (product === undefined) {
        product = new Product(name, policy);
        products.set(name, product);
      } else if (product.policy !== policy) product.policy = policy;
      product.byFunction = byFunction;
      return product;
    },
    succeeded,
    leaves({ name }) {
      const until = performance.now() + leavingMs;
      for (const { members } of products.values()) {
        const member = members.get(name);
        if (member !== undefined) member.ejectedUntil = Math.max(member.ejectedUntil, until);
      }
    },
    drains(member) {
      member.drainsUntil = performance.now() + drainingMs;
    },
    found,
    started(member) {
      if (member.lastFailure !== undefined && beforeRequest.has(member.lastFailure)) found(member);
    },
    failed(member, code, among) {
      const now = performance.now();
      member.lastFailure = code;
      member.failures++;
      member.errors++;
      member.causes.set(code, (member.causes.get(code) ?? 0) + 1);
      // A target that comes back from an ejection gets one attempt, not as many as before.
      const allowed = member.ejectedUntil > 0 ? 1 : health.failures;
      if (member.failures < allowed || member.isEjected(now) || !mayEject(among, now)) return;
      const forMs = ejectionMs(member.ejections);
      member.ejections = Math.min(member.ejections + 1, 30);
      member.ejectedUntil = now + forMs;
      member.failures = 0;
      onHealth(member, 'ejected', forMs);
    },
    eject(member, code, forMs) {
      const now = performance.now();
      const wasEjected = member.isEjected(now);
      member.lastFailure = code;
      member.failures = 0;
      member.ejectedUntil = Math.max(member.ejectedUntil, now + forMs);
      if (wasEjected) return;
      member.ejections = Math.min(member.ejections + 1, 30);
      onHealth(member, 'ejected', forMs);
    },
    close: () => clearInterval(sweep),
  };
}
