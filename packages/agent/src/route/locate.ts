import { failed, matchRoute, type Result, type RouteEntry, readProduct, success } from '@gopush/contract';
import type { RequestOrigin } from '../headers/headers.ts';
import { publicHost } from '../headers/public-host.ts';
import type { HookSet } from '../hooks/hook-set.ts';
import type { AgentRequest } from '../request/agent-request.ts';

/** What a request is for, before anybody is asked whose it is. */
export interface Destination {
  /** The route that it was sent to; `undefined`: none, so that the product is the one that it names. */
  readonly entry: RouteEntry | undefined;
  readonly product: Result<string>;
}

/** Finds what a request is for: by its path and host where a route of the router is for these, by `?product=` otherwise. */
export function locate(request: AgentRequest, origin: RequestOrigin, { routes }: HookSet): Result<Destination> {
  const { url = '/' } = request;
  const entry = matchRoute(routes, publicHost(request, origin), url);
  if (entry === 'ambiguous') return failed('path_ambiguous', 'routes of the router');
  return success({ entry, product: entry === undefined ? readProduct(url) : success(entry.product) });
}

/** Path and query as the targets of a route get them. */
export function pathFor(entry: RouteEntry | undefined, url: string): string {
  if (entry === undefined || !entry.stripPath) return url;
  const rest = afterPath(entry, url);
  // To many servers a path that begins with two slashes begins with a host.
  return rest.startsWith('/') ? rest.replace(/^[/\\]+/, '/') : `/${rest}`;
}

/** What follows the path of a route in a request that it is for. By segments: a client may have escaped some of their characters. */
export function afterPath({ path }: RouteEntry, url: string): string {
  let end = 0;
  for (let segments = path.split('/').length - 1; segments > 0; segments--) {
    const next = url.slice(end + 1).search(/[/?]/);
    if (next === -1) return '';
    end += 1 + next;
  }
  return url.slice(end);
}
