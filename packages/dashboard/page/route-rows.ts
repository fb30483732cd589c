import type { ClusterState } from '@gopush/cluster';

/** A product, as the router has it. */
export interface ListedProduct {
  readonly product: string;
  /** `built-in`, `list`, `dns`, `srv` or `function`. */
  readonly from: string;
  /** The file of the function, or the name in DNS. */
  readonly of: string | null;
  readonly choose: string;
  readonly sticky: string;
  readonly public: boolean;
  /** The targets that the router lists; `null`: others name them. */
  readonly targets: readonly string[] | null;
}

/** The router of an agent: the response to `GET /cluster/routes`. */
export interface Router {
  readonly routes: readonly {
    /** `null`: every host. */
    readonly host: string | null;
    /** `null`: every path. */
    readonly path: string | null;
    readonly product: string;
    readonly stripPath: boolean;
    /** `null`: the setting of the product. */
    readonly public: boolean | null;
  }[];
  readonly products: readonly ListedProduct[];
  readonly leftOut: { readonly routes: number; readonly products: number };
}

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
  router: Router,
  { products: seen, nodes }: ClusterState,
): { readonly rows: readonly ProductRow[]; readonly left: number } {
  let left = router.leftOut.products;
  const all = router.products.flatMap((product) => {
    const used = seen.find((one) => one.product === product.product)?.targets ?? [];
    const names = new Set(used.map(({ target }) => target));
    const targets = [
      ...used.map((target) => ({ ...target, states: statesOf(target, nodes) })),
      // What no client has asked for yet is known to no agent.
      ...(product.targets ?? []).filter((target) => !names.has(target)).map((target) => ({ target, ...unused })),
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

const unused = { states: [] as [string, number][], connections: 0 };
