import {
  type AgentAppHook,
  agentHookKind,
  builtIn,
  type Config,
  createRouteTable,
  defaultProduct,
  type HookName,
  type Hooks,
  isRoutes,
  kindOf,
  maxProductBytes,
  nameFault,
  type ProductPolicy,
  parseProduct,
  parseRoutes,
  type RouteHook,
  type RouteTable,
  type TargetSource,
  type UidHook,
} from '@gopush/contract';
import { describeThrown, HookError } from '@gopush/hooks';
import { tlsFault } from '../target/target-tls.ts';
import { createHookApp, type HookApp } from './hook-app.ts';

/** A hook that identifies clients: a plain function or an Express app. */
export type KnownSource = (
  | { readonly kind: 'function'; readonly hook: UidHook }
  | { readonly kind: 'app'; readonly app: HookApp }
) & {
  readonly file: string;
  /** Whether it has identified a client. If so, a client that it does not identify later is no sign of a mistake in the hook. */
  hasKnown: boolean;
};

/** The hook that identifies clients, if there is one. */
type UidSource = KnownSource | { readonly kind: 'none' };

/** Where a product is routed. */
export interface RouteSource {
  /** As the router names it; `*` for products that it does not name. */
  readonly product: string;
  readonly policy: ProductPolicy;
  /** Where its targets come from, or the function that names them. */
  readonly from: TargetSource | { readonly kind: 'function'; readonly file: string; readonly hook: RouteHook };
}

/** The hooks of an agent, checked and ready to be called. */
export interface HookSet {
  readonly http: UidSource;
  readonly upgrade: UidSource;
  /** Where the products that the router names are routed. */
  readonly products: ReadonlyMap<string, RouteSource>;
  /** Where other products are routed; `undefined`: they are unknown. */
  readonly otherProducts: RouteSource | undefined;
  /** Which product a request is for, by path and host. */
  readonly routes: RouteTable;
  /** Hooks that do not exist. */
  readonly missing: readonly HookName[];
}

/** Names the file of a hook, for messages. */
export type FileOf = (hook: HookName) => string;

/**
 * Checks hooks and makes them ready.
 *
 * @throws HookError naming the file, the key, what was found and what is wanted
 */
export function createHookSet(hooks: Hooks, fileOf: FileOf, defaults: ProductPolicy): HookSet {
  const http = createAgentSource(hooks.agent, fileOf('agent'));
  const routes = createRoutes(hooks.router, fileOf('router'), defaults);
  return {
    http,
    upgrade: createUpgradeSource(hooks.onupgrade, fileOf('onupgrade'), http),
    ...routes,
    missing: (['agent', 'onupgrade', 'router'] as const).filter((hook) => hooks[hook] === undefined),
  };
}

/** Whether all products are public: no client needs a uid, so hooks that identify clients may be missing. */
export function isAllPublic({ products, otherProducts, routes }: HookSet): boolean {
  const sources = [...products.values(), ...(otherProducts === undefined ? [] : [otherProducts])];
  return sources.every(({ policy }) => policy.public) && routes.routes.every((route) => route.public !== false);
}

function createAgentSource(hook: unknown, file: string): UidSource {
  if (hook === undefined) return { kind: 'none' };
  if (typeof hook !== 'function') {
    throw new HookError('agent', file, `found ${kindOf(hook)}, wanted a function (request) => uid, or (app) => void`);
  }
  const ofRequest: UidSource = { kind: 'function', file, hook: hook as UidHook, hasKnown: false };
  const kind = agentHookKind(hook);
  if (kind === 'function') return ofRequest;
  try {
    const app = createHookApp(hook as AgentAppHook, kind === undefined);
    return app === undefined ? ofRequest : { kind: 'app', file, app, hasKnown: false };
  } catch (error) {
    throw new HookError('agent', file, `it throws when called with the app: ${describeThrown(error)}`, {
      cause: error,
    });
  }
}

function createUpgradeSource(hook: unknown, file: string, http: UidSource): UidSource {
  if (hook === undefined) return http.kind === 'function' ? http : { kind: 'none' };
  if (typeof hook !== 'function') {
    throw new HookError('onupgrade', file, `found ${kindOf(hook)}, wanted a function (request) => uid`);
  }
  // An app, a router or a middleware: a handshake has no response that it could write to.
  if (hook.length >= 3) {
    const found = 'a function of three arguments, like an Express app or middleware';
    throw new HookError('onupgrade', file, `found ${found}, wanted a function (request) => uid`);
  }
  return { kind: 'function', file, hook: hook as UidHook, hasKnown: false };
}

function createRoutes(
  router: unknown,
  file: string,
  defaults: ProductPolicy,
): Pick<HookSet, 'products' | 'otherProducts' | 'routes'> {
  const toBuiltIn = (product: string): RouteSource => ({ product, policy: defaults, from: { kind: 'built-in' } });
  if (router === undefined) return { products: new Map(), otherProducts: toBuiltIn('*'), routes: createRouteTable([]) };
  if (typeof router !== 'object' || router === null || Array.isArray(router)) {
    throw new HookError('router', file, `found ${kindOf(router)}, wanted an object of products`);
  }
  const products = new Map<string, RouteSource>([[defaultProduct, toBuiltIn(defaultProduct)]]);
  const { routes, ...others } = router as { readonly routes?: unknown };
  const entries = isRoutes(routes) ? others : router;
  for (const [product, entry] of Object.entries(entries)) {
    products.set(product, createRoute(product, entry, file, defaults));
  }
  const parsed = isRoutes(routes) ? parseRoutes(routes, new Set(products.keys())) : [];
  if (typeof parsed === 'string') throw new HookError('router', file, parsed);
  return { products, otherProducts: undefined, routes: createRouteTable(parsed) };
}

function createRoute(product: string, entry: unknown, file: string, defaults: ProductPolicy): RouteSource {
  const fault = nameFault(product, maxProductBytes);
  if (fault !== undefined) {
    const wanted = `1 to ${maxProductBytes} bytes of text without control characters`;
    throw new HookError(
      'router',
      file,
      `${JSON.stringify(product.slice(0, 80))}: this product name is ${fault}; wanted ${wanted}`,
    );
  }
  const parsed = parseProduct(entry);
  if (typeof parsed === 'string') {
    const wanted = `a function (request, uid), { ip, port }, [{ ip, ports: [] }], { dns, port }, { srv }, a URL, { url }, '${builtIn}', or any of these as { targets } with settings`;
    throw new HookError('router', file, `${product}: ${parsed}; wanted ${wanted}`);
  }
  const badTls = parsed.source === undefined ? undefined : tlsFault(parsed.source);
  if (badTls !== undefined) throw new HookError('router', file, `${product}: ${badTls}`);
  const { source, hook, options } = parsed;
  const policy = { ...defaults, ...options };
  return { product, policy, from: source ?? { kind: 'function', file, hook: hook as RouteHook } };
}

/** The settings of products for which the router sets nothing else. */
export function policyOf({ routing, health, hold }: Config): ProductPolicy {
  const { choose, boundedLoad, sticky, reuse, identity, preflight } = routing;
  const { check } = health;
  return { choose, boundedLoad, sticky, reuse, identity, preflight, check, holdMs: hold.timeoutMs, public: false };
}
