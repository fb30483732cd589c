import type { ServerResponse } from 'node:http';
import { type AllowedOrigins, allowReading, type RouteEntry } from '@gopush/contract';
import type { AgentRequest } from '../request/agent-request.ts';
import { afterPath } from '../route/locate.ts';

/**
 * Sends a browser that opens `/shop` to `/shop/`, where the targets of that route get `/` for both: the page would take its relative links for those of
 * the root otherwise. Programs, and targets that see the whole path, are left alone.
 *
 * @returns whether it did
 */
export function redirectToFolder(
  request: AgentRequest,
  response: ServerResponse,
  entry: RouteEntry | undefined,
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
