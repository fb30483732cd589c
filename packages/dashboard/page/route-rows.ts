import type { ClusterState, RouterState } from '@gopush/cluster';

/** A product, as the router has it. */
export type ListedProduct = RouterState['products'][number];

/** A row of the table of products: one for each target. */
export interface ProductRow {
  readonly product: ListedProduct;
  readonly isFirst: boolean;
  /** Absent: nothing is known of its targets yet. */
  readonly target?: {
    readonly target: string;
    /** Numbers of agents by how they see it. */
    readonly states: readonly (readonly [string, number])[];
    readonly why?: string | undefined;
    readonly connections: number;
  };
}

/** Most rows, and most of one product. */
const most = { rows: 100, targets: 20 };

/** Products with their targets: those that agents have used, and those that the router lists. @returns the rows, and how many targets they leave out */
export function productRows(
  router: RouterState,
  { products: seen, nodes }: ClusterState,
): { readonly rows: readonly ProductRow[]; readonly left: number } {
  let left = router.leftOut.products;
  const all = router.products.flatMap((product) => {
    const used = seen.find((one) => one.product === product.product)?.targets ?? [];
    const names = new Set(used.flatMap(({ target, node }) => [target, node]));
    const targets = [
      ...used.map((target) => ({ ...target, target: nameOf(target, nodes), states: statesOf(target, nodes) })),
      // Agents do not know the targets that no client has asked for yet.
      ...unusedOf(product, nodes)
        .filter(({ target, id }) => !names.has(target) && !names.has(id))
        .map(({ target }) => ({ target, ...unused })),
    ];
    left += Math.max(0, targets.length - most.targets);
    const rows = targets
      .slice(0, most.targets)
      .map((target, at): ProductRow => ({ product, isFirst: at === 0, target }));
    return rows.length === 0 ? [{ product, isFirst: true }] : rows;
  });
  return { rows: all.slice(0, most.rows), left: left + Math.max(0, all.length - most.rows) };
}

/** How many agents see a target in which state; one whose own node tells something else than that it is ready is in that state for all. */
function statesOf(
  { node, states }: ClusterState['products'][number]['targets'][number],
  nodes: ClusterState['nodes'],
): [string, number][] {
  const told = nodes.find(({ id }) => id === node)?.state ?? 'ready';
  const all = Object.entries(states);
  return told === 'ready' ? all : [[told, all.reduce((sum, [, agents]) => sum + agents, 0)]];
}

/** A target by the name of its push-server, if it is known. */
function nameOf(
  { target, node }: ClusterState['products'][number]['targets'][number],
  nodes: ClusterState['nodes'],
): string {
  const name = nodes.find(({ id }) => id === node)?.name;
  return name === undefined ? target : `${name} (${target})`;
}

/** The targets that the router lists; of built-in ones, if an agent leaves that to others, the push-servers that are ready. */
function unusedOf({ targets, from }: ListedProduct, nodes: ClusterState['nodes']): { target: string; id?: string }[] {
  if (targets !== null) return targets.map((target) => ({ target }));
  if (from !== 'built-in') return [];
  const servers = nodes.filter(({ tier, state }) => tier === 'push-server' && state === 'ready');
  return servers.map(({ name, id }) => ({ target: name, id }));
}

const unused = { states: [] as [string, number][], connections: 0 };
