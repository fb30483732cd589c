import type { AgentContext } from '../context.ts';
import { choose } from '../route/choose.ts';
import type { Member } from '../route/fleet.ts';
import type { Tunnel } from './tunnel.ts';

/** Moves sessions whose targets are there, but are not theirs any more. */
export interface Relocator {
  /**
   * Moves sessions to where a new client of the same uid would go, as after targets came. Paced, as all moves are.
   *
   * @returns how many are moved
   */
  rebalance(): number;
  close(): void;
}

/** How often it is looked whether targets have left, in milliseconds. */
const lookMs = 1_000;

const none: ReadonlySet<Member> = new Set();

/**
 * Follows the targets of products: sessions on one that the router does not name any more are moved to others. Not for products that a
 * function routes, which may name others for each client.
 */
export function createRelocator(context: Omit<AgentContext, 'rehome' | 'relocator'>): Relocator {
  const { config, fleet, hooks, sources, tunnels } = context;
  const { movesPerSecond } = config.seamless;
  const waiting = new Set<Tunnel>();
  const perStep = Math.max(1, Math.floor(movesPerSecond / 20));

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
    const listed = await list();
    for (const tunnel of tunnels.all()) {
      const { member } = tunnel.info;
      const { product, target } = member;
      if (!listed.has(product.name)) continue;
      if (!product.current.includes(member) || target.weight === 0) waiting.add(tunnel);
    }
  }

  const looking = setInterval(() => {
    look().catch((error: unknown) => context.log.warn({ err: error }, 'the targets of products cannot be looked up'));
  }, lookMs).unref();
  const pacing = setInterval(() => {
    let left = perStep;
    for (const tunnel of waiting) {
      if (left === 0) break;
      waiting.delete(tunnel);
      if (tunnel.askToMove(Date.now())) left--;
    }
  }, 50).unref();

  return {
    rebalance() {
      let count = 0;
      const { slowStartMs } = fleet.health;
      for (const tunnel of tunnels.all()) {
        const { product: name, uid, member } = tunnel.info;
        const { product } = member;
        const client = { product: name, uid, tried: none, now: Date.now(), slowStartMs };
        const best = choose(product.current, product.policy, client);
        if (best === undefined || best === member || tunnel.resumable === undefined) continue;
        waiting.add(tunnel);
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
