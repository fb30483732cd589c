import { kindOf } from '../reading/kind-of.ts';
import { unknownKey } from '../reading/known-keys.ts';
import { readLoosely } from '../reading/loose-path.ts';
import { preflightNames } from './product.ts';

/** One entry of `routes` in a router: selects a product by path and host. The query does not matter. */
export interface RouteInput {
  /**
   * Path of the requests, by whole segments: `/chat` matches `/chat` and `/chat/x`, but not `/chatty`. Case-sensitive. A trailing slash is
   * ignored. @defaultValue every path
   */
  readonly path?: string;
  /** Host name of the requests, without a port; `*.example.com` matches every name below `example.com`. @defaultValue every host */
  readonly host?: string;
  /** A product of the same router. */
  readonly product: string;
  /** Whether `path` is removed from the path that targets get, and sent in `X-Forwarded-Prefix`. @defaultValue false: the path stays byte for byte */
  readonly stripPath?: boolean;
  /** Whether anyone may send these requests: no hook decides who the client is. @defaultValue the setting of the product */
  readonly public?: boolean;
  /** What the agent does with CORS preflights. @defaultValue the setting of the product */
  readonly preflight?: (typeof preflightNames)[number];
}

/** A parsed entry of `routes`. */
export interface RouteEntry {
  /** Percent-encoded as clients send it, without a trailing slash; empty: every path. */
  readonly path: string;
  /** In lower case. With a leading dot: every name below it. Empty: every host. */
  readonly host: string;
  readonly product: string;
  readonly stripPath: boolean;
  /** `undefined`: the setting of its product. */
  readonly public: boolean | undefined;
  readonly preflight: (typeof preflightNames)[number] | undefined;
}

const keys = [
  'path',
  'host',
  'product',
  'stripPath',
  'public',
  'preflight',
] as const satisfies readonly (keyof RouteInput)[];

/** Whether `routes` of a router is a list of routes, and not the targets of a product of that name. */
export function isRoutes(value: unknown): value is readonly unknown[] {
  if (!Array.isArray(value)) return false;
  return !value.some((entry) => typeof entry !== 'object' || entry === null || 'ip' in entry || 'url' in entry);
}

/**
 * Parses the routes of a router.
 *
 * @param products - the products of the router
 * @returns the routes in their order, or a sentence with the problem
 */
export function parseRoutes(input: readonly unknown[], products: ReadonlySet<string>): readonly RouteEntry[] | string {
  const routes: RouteEntry[] = [];
  const seen = new Map<string, number>();
  for (const [index, entry] of input.entries()) {
    const route = parseRoute(entry, products);
    if (typeof route === 'string') return `routes[${index}]: ${route}`;
    // Some targets treat paths that differ only in case as equal.
    const place = `${route.host} ${readLoosely(route.path)}`;
    const before = seen.get(place);
    if (before !== undefined) return `routes[${index}]: it has the same host and path as routes[${before}]`;
    seen.set(place, index);
    routes.push(route);
  }
  return routes;
}

function parseRoute(entry: unknown, products: ReadonlySet<string>): RouteEntry | string {
  if (typeof entry !== 'object' || entry === null) return `found ${kindOf(entry)}, wanted { path, host, product }`;
  const unknown = Object.keys(entry).find((key) => !keys.includes(key as never));
  if (unknown !== undefined) return `${unknown}: ${unknownKey(unknown, keys)}`;
  const { path, host, product, stripPath = false, public: isPublic, preflight } = entry as Record<string, unknown>;
  if (path === undefined && host === undefined) return 'found neither path nor host, wanted one of them, or both';
  if (typeof product !== 'string' || !products.has(product)) {
    return `product: found ${quote(product)}, wanted a product of this router: ${[...products].join(', ')}`;
  }
  if (typeof stripPath !== 'boolean') return `stripPath: found ${quote(stripPath)}, wanted true or false`;
  if (isPublic !== undefined && typeof isPublic !== 'boolean') {
    return `public: found ${quote(isPublic)}, wanted true or false`;
  }
  if (preflight !== undefined && !preflightNames.includes(preflight as never)) {
    return `preflight: found ${quote(preflight)}, wanted one of ${preflightNames.join(', ')}`;
  }
  const readPath = path === undefined ? '' : parsePath(path);
  if (readPath === undefined) return `path: found ${quote(path)}, wanted a path such as /chat, without . and .. and //`;
  const readHost = host === undefined ? '' : parseHost(host);
  if (readHost === undefined) {
    return `host: found ${quote(host)}, wanted a host name such as chat.example.com or *.example.com, without a port`;
  }
  if (stripPath && readPath === '') return 'stripPath: found true without a path, wanted a path to strip';
  return {
    path: readPath,
    host: readHost,
    product,
    stripPath,
    public: isPublic,
    preflight: preflight as RouteEntry['preflight'],
  };
}

/** A path as clients send it: characters outside ASCII are percent-encoded. */
function parsePath(path: unknown): string | undefined {
  if (typeof path !== 'string' || !/^\/[^\s\\;?#%]*$/.test(path) || path.length > maxLength) return undefined;
  if (!path.isWellFormed()) return undefined;
  const whole = path.endsWith('/') ? path.slice(0, -1) : path;
  const isPlain = whole
    .slice(1)
    .split('/')
    .every((segment) => segment !== '' && !segment.endsWith('.'));
  return whole === '' || isPlain ? encodeURI(whole) : undefined;
}

function parseHost(host: unknown): string | undefined {
  if (typeof host !== 'string' || host.length > maxLength) return undefined;
  const isWildcard = host.startsWith('*.');
  const name = isWildcard ? host.slice(2) : host;
  if (/^\[[0-9a-f:.]+\]$/i.test(name)) return isWildcard ? undefined : name.toLowerCase();
  if (/[^\p{L}\p{M}\p{N}._-]/u.test(name)) return undefined;
  // Names outside ASCII as clients send them (https://url.spec.whatwg.org/#host-parsing).
  const url = `http://${name.endsWith('.') ? name.slice(0, -1) : name}/`;
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return isWildcard ? `.${hostname}` : hostname;
}

const maxLength = 1_024;

function quote(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : kindOf(value);
}
