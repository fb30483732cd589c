import { mayClimb, readAfterAuthority, readLoosely } from '../reading/loose-path.ts';
import { readProduct } from './query.ts';
import type { RouteEntry } from './route.ts';

/** The routes of a router, in the order in which they are tried. */
export interface RouteTable {
  readonly routes: readonly TableRow[];
  /** Number of segments of the longest path. Further segments of a request do not matter. */
  readonly depth: number;
}

interface TableRow extends RouteEntry {
  /** The path as the most lenient server reads it. */
  readonly loosePath: string;
}

/** Sorts routes: exact hosts, then wildcards by length, then routes without a host; within each the longest path first. */
export function createRouteTable(routes: readonly RouteEntry[]): RouteTable {
  const rows = routes.map((route) => ({ ...route, loosePath: readLoosely(route.path) }));
  rows.sort(
    (one, other) =>
      rankOf(one.host) - rankOf(other.host) ||
      other.host.length - one.host.length ||
      other.path.length - one.path.length,
  );
  return { routes: rows, depth: Math.max(0, ...rows.map(({ path }) => path.split('/').length - 1)) };
}

function rankOf(host: string): number {
  if (host === '') return 2;
  return host.startsWith('.') ? 1 : 0;
}

/**
 * The route of a request.
 *
 * Targets get the path as the client sent it, and read it in their own way: `/public/..%2fadmin` may be `/admin` to them. So a path that some server
 * could read as one of another route is ambiguous, unless both routes have the same effect.
 *
 * @param host - the requested host, with or without a port
 * @param url - path and query, as the client sent them
 * @returns `undefined`: no route matches; `ambiguous`: servers may read the path differently
 */
export function matchRoute(
  { routes, depth }: RouteTable,
  host: string | undefined,
  url: string,
): RouteEntry | undefined | 'ambiguous' {
  if (routes.length === 0) return undefined;
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const name = hostName(host);
  if (!suspicious.test(path)) return routes.find((row) => isOfHost(row, name) && isUnder(path, row.path));
  const plain = path.includes('%') ? path.replace(/%[0-9a-f]{2}/gi, plainEscape) : path;
  const found = routes.find((row) => isOfHost(row, name) && isUnder(plain, row.path));
  const isSame = (loose: string): boolean => {
    const other = routes.find((row) => isOfHost(row, name) && isUnder(loose, row.loosePath));
    return found === other || doesSame(found, other, url);
  };
  const lower = plain.toLowerCase();
  // Most suspicious paths only have a capital letter.
  if (!suspicious.test(lower)) return isSame(lower) ? found : 'ambiguous';
  if (mayClimb(path, depth) || !isSame(readLoosely(path))) return 'ambiguous';
  const rest = readAfterAuthority(path);
  return rest === undefined || isSame(rest) ? found : 'ambiguous';
}

/** Whether two routes have the same effect; `undefined`: no route, the product comes from the query. */
function doesSame(one: RouteEntry | undefined, other: RouteEntry | undefined, url: string): boolean {
  if (one?.stripPath || other?.stripPath) return false;
  if (one?.public !== other?.public || one?.preflight !== other?.preflight) return false;
  const product = productOf(one, url);
  return product !== undefined && product === productOf(other, url);
}

function productOf(route: RouteEntry | undefined, url: string): string | undefined {
  if (route !== undefined) return route.product;
  const named = readProduct(url);
  return named.ok ? named.value : undefined;
}

/** Characters that servers may read differently. */
const suspicious = /[^a-z0-9._~!$&'()*,=:@/-]|\/\/|\/\.|\.(?:\/|$)/;

function isUnder(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || prefix === '' || path[prefix.length] === '/');
}

function isOfHost({ host }: RouteEntry, name: string): boolean {
  if (host === '') return true;
  return host.startsWith('.') ? name.length > host.length && name.endsWith(host) : name === host;
}

/** A host in lower case, without port and without the trailing dot of a fully qualified name. */
function hostName(host: string | undefined): string {
  if (host === undefined) return '';
  return host.toLowerCase().replace(/\.?(?::\d*)?$/, '');
}

/** Characters without a meaning of their own in a path: all servers read them alike, percent-encoded or not. Some clients encode them. */
const escapedAlike = /%(?:7e|21|24|26|27|28|29|2a|2c|3d|3a|40)/i;

function plainEscape(text: string): string {
  return escapedAlike.test(text) ? decodeURIComponent(text) : text.toUpperCase();
}
