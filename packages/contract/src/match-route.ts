import { mayClimb, readLoosely } from './loose-path.ts';
import type { RouteEntry } from './route.ts';

/** The routes of a router, in the order in which they are tried. */
export interface RouteTable {
  readonly routes: readonly TableRow[];
  /** How many segments the longest path has: no others matter. */
  readonly depth: number;
}

interface TableRow extends RouteEntry {
  /** The path as the most lenient server reads it. */
  readonly loosePath: string;
}

/** Puts routes in the order in which they are tried: an exact host, then the longest wildcard, then none; of each the longest path first. */
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
 * Targets get the path as the client sent it, and read it in their own way: `/public/..%2fadmin` may be `/admin` to them. So a path of which some
 * server may read that it belongs to another route has none.
 *
 * @param host - what the client calls the server, perhaps with a port
 * @param url - path and query, as the client sent them
 * @returns `undefined`: it has none; `ambiguous`: servers may differ about it
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
  const escaped = path.includes('%') ? path.replace(/%[0-9a-f]{2}/gi, upperCase) : path;
  const found = routes.find((row) => isOfHost(row, name) && isUnder(escaped, row.path));
  const lower = path.toLowerCase();
  // Most are suspicious for a capital letter alone.
  const isPlain = !suspicious.test(lower);
  const loose = isPlain ? lower : readLoosely(path);
  const other = routes.find((row) => isOfHost(row, name) && isUnder(loose, row.loosePath));
  return found === other && (isPlain || !mayClimb(path, depth)) ? found : 'ambiguous';
}

/** What all servers may not read alike. */
const suspicious = /[^a-z0-9._~!$&'()*,=:@/-]|\/\/|\/\.|\.(?:\/|$)/;

function isUnder(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || prefix === '' || path[prefix.length] === '/');
}

function isOfHost({ host }: RouteEntry, name: string): boolean {
  if (host === '') return true;
  return host.startsWith('.') ? name.length > host.length && name.endsWith(host) : name === host;
}

/** A host without its port, in lower case, and without the dot that ends a full name. */
function hostName(host: string | undefined): string {
  if (host === undefined) return '';
  return host.toLowerCase().replace(/\.?(?::\d*)?$/, '');
}

function upperCase(text: string): string {
  return text.toUpperCase();
}
