import type { ClusterState, RouterState } from '@gopush/cluster';
import { type AdminOptions, askAdmin } from '../api/ask-admin.ts';
import { readCluster } from '../api/read-cluster.ts';
import { readRouter, type SeenRoutes, type SeenTarget } from '../api/read-router.ts';
import { routesLines } from '../screen/routes-lines.ts';
import { paintFor } from '../screen/style.ts';

/** Characters in a line if the output is no terminal. */
const pipedWidth = 160;

/** `gopush routes`: the routes and products of the router, and the targets of each product as all agents see them. */
export async function routes({ json = false, ...options }: AdminOptions & { readonly json?: boolean }): Promise<void> {
  const asked = { isForAgents: true };
  const router = readRouter(await (await askAdmin({ path: '/cluster/routes', ...asked }, options)).text());
  const cluster = readCluster(await (await askAdmin({ path: '/cluster', ...asked }, options)).text());
  const seen = join(router, cluster);
  const { stdout } = process;
  if (json) {
    stdout.write(`${JSON.stringify(seen)}\n`);
    return;
  }
  const width = stdout.isTTY ? stdout.columns : pipedWidth;
  stdout.write(`${routesLines(seen, width, paintFor(stdout, process.env)).join('\n').trimEnd()}\n`);
}

function join({ products, ...router }: RouterState, cluster: ClusterState): SeenRoutes {
  return {
    ...router,
    products: products.map(({ targets: listed, ...product }) => {
      const targets = (cluster.products.find((one) => one.product === product.product)?.targets ?? []).map(describe);
      const names = new Set(targets.map(({ target }) => target));
      // Agents do not know the targets that no client has asked for yet.
      const unused = (listed ?? []).filter((target) => !names.has(target));
      return { ...product, targets: [...targets, ...unused.map((target) => ({ target, states: {}, connections: 0 }))] };
    }),
  };
}

function describe({ target, states, why, connections }: SeenTarget): SeenTarget {
  return { target, states, ...(why === undefined ? {} : { why }), connections };
}
