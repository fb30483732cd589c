import { failed, matchRoute, type Result, type RouteEntry, readProduct, success } from '@gopush/contract';
import { publicHost } from '../headers/public-host.ts';
import type { Destination } from './destination.ts';
import type { Exchange } from './exchange.ts';

/** Finds the destination of a request: by path and host if a route of the router matches, by `?product=` otherwise. */
export function locate({ request, origin, hooks }: Exchange): Result<Destination> {
  const { url = '/' } = request;
  const entry = matchRoute(hooks.routes, publicHost(request, origin), url);
  if (entry === 'ambiguous') return failed('path_ambiguous', 'routes of the router');
  return success({ entry, product: entry === undefined ? readProduct(url) : success(entry.product) });
}

/** Path and query as the targets of a route get them. */
export function pathFor(entry: RouteEntry | undefined, url: string): string {
  if (entry === undefined || !entry.stripPath) return url;
  const rest = afterPath(entry, url);
  // Many servers take a path that begins with two slashes for one that begins with a host.
  return rest.startsWith('/') ? rest.replace(/^[/\\]+/, '/') : `/${rest}`;
}

/** What follows the path of a route in the URL of a request for it. Counted in segments, as a client may have escaped some characters. */
export function afterPath({ path }: RouteEntry, url: string): string {
  let end = 0;
  for (let segments = path.split('/').length - 1; segments > 0; segments--) {
    const next = url.slice(end + 1).search(/[/?]/);
    if (next === -1) return '';
    end += 1 + next;
  }
  return url.slice(end);
}
