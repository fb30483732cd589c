import type { CauseCount, Summary, TargetSummary } from '../summary/summary.ts';
import { topOf } from '../summary/top-list.ts';
import { addressKey } from './address-key.ts';
import { type ClusterState, mostShown } from './cluster-state.ts';
import { joinCauses } from './join-causes.ts';

type Product = ClusterState['products'][number];
type Target = Product['targets'][number];
type Link = ClusterState['links'][number];

/** What agents tell of their targets, joined. */
export interface JoinedProducts {
  readonly products: readonly Product[];
  readonly links: readonly Link[];
  /** Targets that no list has room for. */
  readonly targetsLeftOut: number;
  readonly productsLeftOut: number;
  readonly linksLeftOut: number;
}

/**
 * Joins what agents tell of their targets: by product and target, and by agent and product.
 *
 * @param ended - nodes that have ended, the last one last: agents may still have them as targets
 */
export function joinProducts(nodes: readonly Summary[], ended: readonly Summary[]): JoinedProducts {
  // A process that has an address now comes after those that had it before.
  const servers = new Map(
    [...ended, ...nodes].flatMap((node) =>
      node.address === undefined ? [] : [[addressKey(node.machine, node.address), node]],
    ),
  );
  const serverOf = (agent: Summary, { target }: TargetSummary): Summary | undefined =>
    servers.get(addressKey(agent.machine, target));
  const handed = sumHanded(nodes, serverOf);
  const products = new Map<string, { product: Product; targets: Map<string, Target> }>();
  const links: Link[] = [];
  for (const agent of nodes) {
    const ofAgent = new Map<string, Link>();
    for (const seen of agent.targets) {
      const { product, targets } = getOrSet(products, seen.product, () => ({
        product: { product: seen.product, ...zero(), targets: [] },
        targets: new Map(),
      }));
      const server = serverOf(agent, seen);
      const key = server?.id ?? addressKey(agent.machine, seen.target);
      const target = getOrSet(targets, key, () => ({
        target: seen.target,
        ...(server === undefined ? {} : { node: server.id }),
        // States come from other nodes: none of them may name a property that every object has.
        states: Object.create(null) as Record<string, number>,
        ...zero(),
        causes: [],
      }));
      target.states[seen.state] = (target.states[seen.state] ?? 0) + 1;
      if (seen.why !== undefined) target.why = seen.why;
      const link = getOrSet(ofAgent, seen.product, () => ({
        agent: agent.id,
        product: seen.product,
        ...zero(),
        causes: [],
      }));
      for (const sum of [target, link]) sum.causes.push(...seen.causes);
      const carried = carriedBy(seen, server && messagesOfEach(server, handed));
      for (const sum of [product, target, link]) add(sum, carried);
    }
    links.push(...ofAgent.values());
  }
  return shorten([...products.values()], links);
}

function shorten(
  products: readonly { readonly product: Product; readonly targets: ReadonlyMap<string, Target> }[],
  links: readonly Link[],
): JoinedProducts {
  const shown = topOf(products, mostShown.products, ({ product }) => product.connections);
  const all = products.reduce((sum, { targets }) => sum + targets.size, 0);
  let left = mostShown.targets;
  // A product with many targets leaves room for those of the others.
  const each = Math.ceil(mostShown.targets / Math.max(1, shown.length));
  for (const { product, targets } of shown) {
    product.targets = topOf(targets.values(), Math.min(left, each), ({ connections }) => connections);
    left -= product.targets.length;
    sumCauses(product.targets);
  }
  const shownLinks = topOf(links, mostShown.links, ({ connections }) => connections);
  sumCauses(shownLinks);
  return {
    products: shown.map(({ product }) => product),
    links: shownLinks,
    targetsLeftOut: all - (mostShown.targets - left),
    productsLeftOut: products.length - shown.length,
    linksLeftOut: links.length - shownLinks.length,
  };
}

/** Sums what agents tell of the same cause, once for all of them. */
function sumCauses(shown: readonly { causes: CauseCount[] }[]): void {
  for (const one of shown) if (one.causes.length > 0) one.causes = joinCauses([one.causes], mostShown.targetCauses);
}

/** What goes over a line of the map. */
type Carried = Pick<Link, 'connections' | 'handedOff' | 'perSecond' | 'errors'>;

function zero(): Carried {
  return { connections: 0, handedOff: 0, perSecond: 0, errors: 0 };
}

/** The connections that agents have handed over to each push-server. */
function sumHanded(
  nodes: readonly Summary[],
  serverOf: (agent: Summary, seen: TargetSummary) => Summary | undefined,
): ReadonlyMap<Summary, number> {
  const sums = new Map<Summary, number>();
  for (const agent of nodes) {
    for (const seen of agent.targets) {
      const server = serverOf(agent, seen);
      if (server !== undefined) sums.set(server, (sums.get(server) ?? 0) + (seen.handedOff ?? 0));
    }
  }
  return sums;
}

/**
 * The messages per second of one connection that was handed over. Nodes tell of themselves at different times, so agents may still count clients
 * that have left: all of them together have no more messages than the push-server counted.
 */
function messagesOfEach(server: Summary, handed: ReadonlyMap<Summary, number>): number {
  return server.perSecond.handedOff / Math.max(1, server.clients.handedOff, handed.get(server) ?? 0);
}

/** What an agent and the push-server tell of a target together: messages of connections that were handed over do not pass through the agent. */
function carriedBy({ connections, handedOff = 0, perSecond, errors }: TargetSummary, ofEach = 0): Carried {
  return { connections, handedOff, perSecond: perSecond + Math.round(10 * ofEach * handedOff) / 10, errors };
}

function add(sum: Carried, carried: Carried): void {
  for (const key of ['connections', 'handedOff', 'perSecond', 'errors'] as const) sum[key] += carried[key];
}

function getOrSet<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
