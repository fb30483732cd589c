import {
  type AllowedOrigins,
  failed,
  isForEngine,
  namesPage,
  type Result,
  usualEnginePath,
  whyRefused,
} from '@gopush/contract';
import { askedServer } from '../headers/public-host.ts';
import type { Exchange } from '../route/exchange.ts';

/** Refuses a request that a browser sends for a page of another origin; `undefined`: it is none. */
export function checkPage({ request, origin }: Exchange, pages: AllowedOrigins): Result<never> | undefined {
  const { headers } = request;
  if (!namesPage(headers)) return undefined;
  const why = whyRefused(headers, pages, askedServer(request, origin.trusted), setting);
  if (why === undefined) return undefined;
  const believed = origin.trusted ? why : whyRefused(headers, pages, askedServer(request, true), setting);
  if (believed !== undefined) return failed('origin_refused', why);
  // By far the most frequent mistake behind a proxy.
  return failed(
    'origin_refused',
    `${why} X-Forwarded headers name it, but the proxy that sent them is not in access.trustedProxies.`,
  );
}

const setting = 'access.allowedOrigins';

/** A part of each Engine.IO parameter, escaped or not. */
const perhapsOfEngine = /EIO|transport|%/;

/**
 * Refuses a long-polling request of Engine.IO that a browser sends for a page of another origin; `undefined`: it is none. Long-polling carries
 * what a WebSocket would. For other requests, targets have CORS.
 *
 * JSONP is refused if the browser does not confirm that the page is of our own origin: its responses are scripts, which any page can read, and
 * some browsers name no page when they request a script.
 *
 * @param enginePath - path of the built-in push-servers
 */
export function checkPollingPage(
  exchange: Exchange,
  pages: AllowedOrigins,
  enginePath: string,
): Result<never> | undefined {
  const { url = '/', headers } = exchange.request;
  // Targets of the project's own have the usual path.
  const isOfEngine = isForEngine(url, usualEnginePath) || isForEngine(url, enginePath);
  const mark = url.indexOf('?');
  if (!isOfEngine && (mark === -1 || !perhapsOfEngine.test(url.slice(mark)))) return undefined;
  const query = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
  if (!isOfEngine && !query.has('EIO') && query.get('transport') !== 'polling') return undefined;
  const foreign = checkPage(exchange, pages);
  if (foreign !== undefined || !query.has('j')) return foreign;
  const isOwn = headers['sec-fetch-site'] === 'same-origin';
  return isOwn || pages.any ? undefined : failed('jsonp_refused');
}
