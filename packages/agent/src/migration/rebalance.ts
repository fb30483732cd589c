import type { Config, Target } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { HookSet } from '../hooks/hook-set.ts';
import type { Fleet, Member, Product } from '../route/fleet.ts';
import type { Sources } from '../route/sources.ts';
import { type LeavingSession, LeavingSessions } from './leaving-sessions.ts';
import type { Pacer } from './pacer.ts';
import { Placement } from './placement.ts';

/** What rebalancing needs. */
export interface RebalanceOptions {
  readonly seamless: Pick<Config['seamless'], 'movesPerSecond'>;
  readonly fleet: Fleet;
  readonly hooks: () => HookSet;
  readonly sources: Pick<Sources, 'targets'>;
  /** All sessions of this agent. */
  readonly sessions: () => Iterable<LeavingSession>;
  readonly pacer: Pacer;
  /** The targets of a product have been looked up. */
  readonly onListed: (targets: readonly Target[]) => void;
  readonly log: Logger;
}

/** Between two checks whether targets have left their list, in milliseconds. */
const lookMs = 1_000;

/** Number of sessions that are checked before other work gets its turn. */
const lookAtOnce = 500;

/** Between two steps in which sessions are asked for, in milliseconds. */
const stepMs = 50;

/** How long a target has to give a session before it is asked again, in milliseconds. */
const askAgainMs = 60_000;

/**
 * Migrates sessions whose targets are up, but no longer theirs: a target has left the router's list, or targets have been added. Not for
 * products that are routed by a function, which may name other targets for each client.
 */
export class Rebalance {
  readonly #options: RebalanceOptions;
  readonly #leaving = new Map<Member, LeavingSessions>();
  /** Which target was asked last for a session, and when. */
  readonly #lastAsked = new WeakMap<LeavingSession, { readonly member: Member; readonly at: number }>();
  /** Products whose targets do not depend on the client. */
  #listed: ReadonlySet<string> = new Set();
  readonly #perStep: number;
  readonly #looking: NodeJS.Timeout;
  /** Runs while sessions leave: an idle agent is not to be woken twenty times a second. */
  #stepping: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: RebalanceOptions) {
    const { log, seamless } = options;
    this.#options = options;
    this.#perStep = Math.max(1, Math.floor((seamless.movesPerSecond * stepMs) / 1_000));
    const look = (): void => {
      this.#look().catch((error: unknown) => log.warn({ err: error }, 'the targets of products cannot be resolved'));
    };
    this.#looking = setInterval(look, lookMs).unref();
  }

  /**
   * Migrates sessions to where a new client of the same uid would go, as after targets were added.
   *
   * @returns how many sessions
   */
  async rebalance(): Promise<number> {
    const { fleet, sessions } = this.#options;
    const placements = new Map<Product, Placement>();
    let count = 0;
    let seen = 0;
    for (const session of sessions()) {
      if (++seen % lookAtOnce === 0) await new Promise(setImmediate);
      const { product } = session.member;
      if (!session.canMigrate) continue;
      let placement = placements.get(product);
      if (placement === undefined) {
        placement = new Placement(product, fleet.health.slowStartMs);
        placements.set(product, placement);
      }
      if (placement.elsewhere(session) === undefined) continue;
      this.#leave(session);
      count++;
    }
    return count;
  }

  /** Whether the router named a target before, and does not name it any more. */
  hasLeft(member: Member): boolean {
    const { name, current } = member.product;
    return this.#listed.has(name) && !current.includes(member);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#looking);
    clearInterval(this.#stepping);
  }

  #leave(session: LeavingSession): void {
    const { member } = session;
    let leaving = this.#leaving.get(member);
    if (leaving === undefined) {
      leaving = new LeavingSessions(member);
      this.#leaving.set(member, leaving);
    }
    leaving.add(session);
    if (!this.#isClosed) this.#stepping ??= setInterval(() => this.#step(), stepMs).unref();
  }

  /** Asks for the next sessions. */
  #step(): void {
    const { pacer } = this.#options;
    const now = performance.now();
    let left = this.#perStep;
    for (const [member, leaving] of this.#leaving) {
      leaving.forgetOld(now);
      while (left > 0 && leaving.canAsk && pacer.take()) {
        const session = leaving.askNext(now);
        if (session === undefined) break;
        this.#lastAsked.set(session, { member, at: now });
        left--;
      }
      if (leaving.isEmpty) this.#leaving.delete(member);
    }
    if (this.#leaving.size > 0) return;
    clearInterval(this.#stepping);
    this.#stepping = undefined;
  }

  /** Has sessions leave the targets that have left their list, or have the weight 0. */
  async #look(): Promise<void> {
    this.#listed = await this.#list();
    const now = performance.now();
    for (const session of this.#options.sessions()) {
      const { member } = session;
      if (!this.#hasNoWeight(member, now) && !this.hasLeft(member)) continue;
      const last = this.#lastAsked.get(session);
      if (last?.member !== member || now - last.at >= askAgainMs) this.#leave(session);
    }
  }

  /** If no other target takes new clients, sessions would go from one of these to the next without end. */
  #hasNoWeight({ target, product }: Member, now: number): boolean {
    if (target.weight > 0 || !this.#listed.has(product.name)) return false;
    const { slowStartMs } = this.#options.fleet.health;
    return product.current.some((member) => member.weight(now, slowStartMs) > 0);
  }

  /** Updates the targets of products that are routed without a function. @returns the names of these products */
  async #list(): Promise<ReadonlySet<string>> {
    const { fleet, hooks, sources, onListed } = this.#options;
    const { products, otherProducts } = hooks();
    const listed = new Set<string>();
    for (const { product, policy, from } of [...products.values(), ...(otherProducts ? [otherProducts] : [])]) {
      if (from.kind === 'function' || !fleet.products.has(product)) continue;
      const targets = await sources.targets(from);
      // No target at all is more likely a mistake than intended.
      if (targets.length === 0) continue;
      fleet.product(product, policy, false).list(targets, performance.now(), fleet.health.slowStartMs);
      listed.add(product);
      onListed(targets);
    }
    return listed;
  }
}
