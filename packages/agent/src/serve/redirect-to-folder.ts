import type { ServerResponse } from 'node:http';
import { type AllowedOrigins, allowReading } from '@gopush/contract';
import type { Exchange } from '../route/exchange.ts';
import { afterPath } from '../route/locate.ts';

/**
 * Redirects a browser from `/shop` to `/shop/`, where the targets of that route get `/` for both: the page's relative links would be resolved
 * against the root otherwise. Programs, and targets that get the whole path, are not redirected.
 *
 * @returns whether it did
 */
export function redirectToFolder(
  { request, destination: { entry } }: Exchange,
  response: ServerResponse,
  pages: AllowedOrigins,
): boolean {
  const { method, url = '/', headers } = request;
  if (!entry?.stripPath || (method !== 'GET' && method !== 'HEAD')) return false;
  const query = afterPath(entry, url);
  if ((query !== '' && !query.startsWith('?')) || headers.accept?.includes('text/html') !== true) return false;
  const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
  // Relative, as a proxy in front may have taken a part of the path away.
  response.setHeader('vary', 'accept');
  allowReading(request, response, pages);
  response.writeHead(307, { location: `./${name}/${query}`, 'content-length': 0 });
  response.end();
  return true;
}
