import type { RouterFacts, RouterState } from '@gopush/cluster';
import type { RouteEntry, Target } from '@gopush/contract';
import { type AdminRoute, respondJson } from '@gopush/service';
import type { HookSet, RouteSource } from '../hooks/hook-set.ts';
import type { AgentContext } from '../serve/agent-context.ts';

/** Most routes and products that are listed. */
const mostListed = 1_000;

/** Most targets of a product that are listed. */
const mostTargets = 100;

/** Serves `GET /cluster/routes`: the routes and products of the router, as this agent uses them. */
export function createRouteList({
  node,
  hooks,
  sources,
}: Pick<AgentContext, 'node' | 'hooks' | 'sources'>): AdminRoute {
  return {
    needs: 'read',
    async serve(_request, response) {
      const pushServers = await sources.targets({ kind: 'built-in' });
      respondJson(response, 200, { v: 1, by: node, ...describeRouter(hooks(), pushServers) } satisfies RouterState);
    },
  };
}

/** Describes the router for other nodes: the same object until the hooks change. Push-servers announce themselves. */
export function createRouterFacts({ hooks }: Pick<AgentContext, 'hooks'>): () => RouterFacts {
  let last: { readonly of: HookSet; readonly router: RouterFacts } | undefined;
  return () => {
    const now = hooks();
    if (last?.of !== now) last = { of: now, router: describeRouter(now, undefined) };
    return last.router;
  };
}

function describeRouter(
  { routes: { routes }, products, otherProducts }: HookSet,
  pushServers: readonly Target[] | undefined,
): RouterFacts {
  const all = [...products.values(), ...(otherProducts === undefined ? [] : [otherProducts])];
  return {
    routes: routes.slice(0, mostListed).map(describeRoute),
    products: all.slice(0, mostListed).map((source) => describeProduct(source, pushServers)),
    leftOut: {
      routes: Math.max(0, routes.length - mostListed),
      products: Math.max(0, all.length - mostListed),
    },
  };
}

/** A route as its author wrote it. */
function describeRoute({
  host,
  path,
  product,
  stripPath,
  public: isPublic,
}: RouteEntry): RouterFacts['routes'][number] {
  return {
    host: host.startsWith('.') ? `*${host}` : host || null,
    path: path || null,
    product,
    stripPath,
    public: isPublic ?? null,
  };
}

function describeProduct(
  { product, policy, from }: RouteSource,
  pushServers: readonly Target[] | undefined,
): RouterFacts['products'][number] {
  const targets = from.kind === 'list' ? from.targets : from.kind === 'built-in' ? pushServers : undefined;
  return {
    product,
    from: from.kind,
    of: placeOf(from),
    choose: policy.choose,
    sticky: policy.sticky,
    public: policy.public,
    targets: targets?.slice(0, mostTargets).map(({ name }) => name) ?? null,
  };
}

/** Where the targets come from, in a few words; `null`: the kind is all there is to know. */
function placeOf(from: RouteSource['from']): string | null {
  switch (from.kind) {
    case 'function':
      return from.file;
    case 'dns':
      return `${from.name}:${from.port}`;
    case 'srv':
      return from.name;
    default:
      return null;
  }
}
