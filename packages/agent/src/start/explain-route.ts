import {
  canonicalAddress,
  failures,
  matchRoute,
  maxProductBytes,
  maxUidBytes,
  nameFault,
  networkOf,
  noUser,
  readProduct,
} from '@gopush/contract';
import { type AdminRoute, respondJson, respondText } from '@gopush/service';
import type { HookSet, RouteSource } from '../hooks/hook-set.ts';
import { clientKey } from '../route/client-key.ts';
import { explainChoice } from '../route/explain-choice.ts';
import type { AgentContext } from '../serve/agent-context.ts';
import { stateOf } from './agent-state.ts';

/** Longest path and host that are asked for, in characters. */
const longest = 4_096;

/** Most targets that are listed. */
const mostListed = 100;

/** The client that is asked for. */
interface AskedClient {
  readonly uid: string;
  readonly product: string;
  /** Its address; empty: not given. */
  readonly ip: string;
  /** How the product was found. */
  readonly why: readonly string[];
}

/**
 * Serves `GET /cluster/route`: which target a new session of a client would get, and why. The client is `uid`, or for an anonymous one `ip`; the
 * product is `product`, or that of `path` and `host`.
 */
export function createRouteExplanation(context: AgentContext): AdminRoute {
  const { hooks, sources, fleet } = context;
  return {
    needs: 'key',
    async serve({ url = '' }, response) {
      const set = hooks();
      const client = readClient(new URLSearchParams(url.split('?', 2)[1]), set);
      if (typeof client === 'string') return respondText(response, 400, `${client}\n`);
      const { uid, product: name, ip } = client;
      const source = set.products.get(name) ?? set.otherProducts;
      if (source === undefined) return respondText(response, 404, `the router has no product ${name}\n`);
      const { from, policy, product: entry } = source;
      const head = { uid, product: name, entry };
      if (from.kind === 'function') {
        return respondJson(response, 200, {
          ...head,
          ...(await describeFunctionRoute(source, from.file, client, context)),
        });
      }
      const product = fleet.product(entry, policy, false);
      const targets = await sources.targets(from);
      const { slowStartMs } = fleet.health;
      const now = performance.now();
      product.list(targets, now, slowStartMs);
      const explained = explainChoice(product, from.kind, { key: clientKey(uid, ip), now, slowStartMs });
      respondJson(response, 200, { ...head, ...explained, why: [...client.why, ...explained.why] });
    },
  };
}

function readClient(query: URLSearchParams, { routes }: HookSet): AskedClient | string {
  const address = query.get('ip');
  const ip = address === null ? '' : canonicalAddress(address);
  if (ip === undefined) return 'ip: found something else, wanted an address';
  const uid = query.get('uid') ?? noUser;
  const fault = uid === noUser && ip !== '' ? undefined : nameFault(uid, maxUidBytes);
  if (fault !== undefined) return `uid: found ${fault}, wanted a uid, or ip for an anonymous client`;
  const found = findProduct(query, routes);
  if (typeof found === 'string') return found;
  const why = uid === noUser ? [`an anonymous client is hashed by its network, ${networkOf(ip)}`] : [];
  return { uid, ip, product: found.product, why: [...found.why, ...why] };
}

function findProduct(
  query: URLSearchParams,
  routes: HookSet['routes'],
): { readonly product: string; readonly why: readonly string[] } | string {
  const given = query.get('product');
  const path = query.get('path') ?? '/';
  const host = query.get('host') ?? undefined;
  if (path.length + (host?.length ?? 0) > longest) return `path and host: found more than ${longest} characters`;
  if (given !== null) {
    const fault = nameFault(given, maxProductBytes);
    return fault === undefined ? { product: given, why: [] } : `product: found ${fault}, wanted a product`;
  }
  if (!path.startsWith('/')) return 'path: wanted one that begins with a slash';
  const entry = matchRoute(routes, host, path);
  if (entry === 'ambiguous') return failures.path_ambiguous.message;
  if (entry !== undefined) {
    const at = `${entry.host}${entry.path === '' ? '/' : entry.path}`;
    return { product: entry.product, why: [`the route ${at} of the router leads to ${entry.product}`] };
  }
  const named = readProduct(path);
  return named.ok ? { product: named.value, why: [] } : failures[named.failure.code].message;
}

/** The explanation if a function names the targets. The function is the project's own code, so the caller runs it. */
async function describeFunctionRoute(
  source: RouteSource,
  file: string,
  { why }: AskedClient,
  context: AgentContext,
): Promise<object> {
  const { fleet, sources } = context;
  const now = performance.now();
  const known = [...(fleet.products.get(source.product)?.members.values() ?? [])].slice(0, mostListed);
  const pushServers = await sources.targets({ kind: 'built-in' });
  return {
    target: null,
    why: [...why, `a function of the router (${file}) names the targets of each request: it is not called here`],
    ranking: [],
    function: file,
    known: known.map((member) => ({ target: member.target.name, ...stateOf(member, true, now) })),
    pushServers: pushServers.slice(0, mostListed).map(({ name, weight }) => ({ target: name, weight })),
  };
}
