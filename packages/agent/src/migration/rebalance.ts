import { choose } from '../route/choose.ts';
import { clientKey } from '../route/client-key.ts';
import type { Member } from '../route/fleet.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';

/** Moves sessions whose targets are there, but are not theirs any more. */
export interface Relocator {
  /**
   * Moves sessions to where a new client of the same uid would go, as after targets came. Paced, as all moves are.
   *
   * @returns how many are moved
   */
  rebalance(): number;
  /** Whether the router does not name a target any more that it named before. */
  hasLeft(member: Member): boolean;
  close(): void;
}

/** How often it is looked whether targets have left, in milliseconds. */
const lookMs = 1_000;

/** How often the next sessions are asked to move, in milliseconds. */
const stepMs = 50;

/**
 * How many sessions a target may have been asked to hand over that it has not handed over yet. Their clients wait, so the target sets the pace. An
 * ask counts for `askMs` milliseconds at most: sessions that take longer, or cannot move, keep no others waiting.
 */
const atOnce = 50;
const askMs = 250;

/** A target that was asked to hand a session over, and did not, is asked again after this time, in milliseconds. */
const askAgainMs = 60_000;

const none: ReadonlySet<Member> = new Set();

/** The sessions that are to leave a target. */
interface Leaving {
  readonly waiting: Set<Tunnel>;
  /** Those that were asked, with when that was. */
  readonly asked: Map<Tunnel, number>;
}

/**
 * Follows the targets of products: sessions on one that the router does not name any more are moved to others. Not for products that a
 * function routes, which may name others for each client.
 */
export function createRelocator(context: Omit<AgentContext, 'rehome' | 'relocator'>): Relocator {
  const { config, fleet, hooks, sources, tunnels } = context;
  const { movesPerSecond } = config.seamless;
  const leaving = new Map<Member, Leaving>();
  /** Which targets were asked last to hand sessions over, and when. */
  const lastAsked = new WeakMap<Tunnel, { readonly member: Member; readonly at: number }>();
  /** Products whose targets do not depend on the client. */
  let listed: ReadonlySet<string> = new Set();
  const perStep = Math.max(1, Math.floor((movesPerSecond * stepMs) / 1_000));

  function leave(tunnel: Tunnel): void {
    const { member } = tunnel.info;
    let one = leaving.get(member);
    if (one === undefined) {
      one = { waiting: new Set(), asked: new Map() };
      leaving.set(member, one);
    }
    one.waiting.add(tunnel);
  }

  /** Asks the next sessions of a target. @returns how many of `most` */
  function askNext(member: Member, { waiting, asked }: Leaving, most: number): number {
    const now = Date.now();
    const isThere = (tunnel: Tunnel): boolean => tunnel.info.member === member && !tunnel.isHeld && !tunnel.isOver;
    for (const [tunnel, at] of asked) if (now - at >= askMs || !isThere(tunnel)) asked.delete(tunnel);
    let count = 0;
    for (const tunnel of waiting) {
      if (count >= most || asked.size >= atOnce) break;
      waiting.delete(tunnel);
      if (!isThere(tunnel) || !tunnel.askToMove(now)) continue;
      asked.set(tunnel, now);
      lastAsked.set(tunnel, { member, at: now });
      count++;
    }
    return count;
  }

  /** Takes up the targets of products that are routed without a function. @returns the names of these products */
  async function list(): Promise<ReadonlySet<string>> {
    const { products, otherProducts } = hooks();
    const listed = new Set<string>();
    for (const { product, policy, from } of [...products.values(), ...(otherProducts ? [otherProducts] : [])]) {
      if (from.kind === 'function' || !fleet.products.has(product)) continue;
      const targets = await sources.targets(from);
      // Nothing at all is more likely a mistake than a wish.
      if (targets.length === 0) continue;
      fleet.product(product, policy, false).list(targets, Date.now(), fleet.health.slowStartMs);
      listed.add(product);
    }
    return listed;
  }

  async function look(): Promise<void> {
    listed = await list();
    const now = Date.now();
    for (const tunnel of tunnels.all()) {
      const { member } = tunnel.info;
      if (!hasLeft(member) && !(listed.has(member.product.name) && member.target.weight === 0)) continue;
      const last = lastAsked.get(tunnel);
      if (last?.member !== member || now - last.at >= askAgainMs) leave(tunnel);
    }
  }

  function hasLeft(member: Member): boolean {
    return listed.has(member.product.name) && !member.product.current.includes(member);
  }

  const looking = setInterval(() => {
    look().catch((error: unknown) => context.log.warn({ err: error }, 'the targets of products cannot be resolved'));
  }, lookMs).unref();
  const pacing = setInterval(() => {
    let left = perStep;
    for (const [member, one] of leaving) {
      left -= askNext(member, one, left);
      if (one.waiting.size === 0 && one.asked.size === 0) leaving.delete(member);
    }
  }, stepMs).unref();

  return {
    hasLeft,
    rebalance() {
      let count = 0;
      const { slowStartMs } = fleet.health;
      for (const tunnel of tunnels.all()) {
        const { product: name, uid, address, member } = tunnel.info;
        const { product } = member;
        const client = { product: name, key: clientKey(uid, address), tried: none, now: Date.now(), slowStartMs };
        const best = choose(product.current, product.policy, client);
        if (best === undefined || best === member || tunnel.resumable === undefined) continue;
        leave(tunnel);
        count++;
      }
      return count;
    },
    close() {
      clearInterval(looking);
      clearInterval(pacing);
    },
  };
}
