import { failed, isForEngine, namesPage, type Result, usualEnginePath, whyRefused } from '@gopush/contract';
import type { RequestOrigin } from '../headers/headers.ts';
import { askedServer } from '../headers/public-host.ts';
import type { AgentRequest } from '../request/agent-request.ts';
import type { AgentContext } from './agent-context.ts';

/** Refuses a request that a page of another origin has its browser send; `undefined`: it does not. */
export function checkPage(
  request: AgentRequest,
  { trusted }: RequestOrigin,
  { pages }: Pick<AgentContext, 'pages'>,
): Result<never> | undefined {
  const { headers } = request;
  if (!namesPage(headers)) return undefined;
  const why = whyRefused(headers, pages, askedServer(request, trusted), setting);
  if (why === undefined) return undefined;
  const believed = trusted ? why : whyRefused(headers, pages, askedServer(request, true), setting);
  if (believed !== undefined) return failed('origin_refused', why);
  // By far the most frequent mistake behind a proxy.
  return failed(
    'origin_refused',
    `${why} X-Forwarded headers name it, but the proxy that sent them is not in access.trustedProxies.`,
  );
}

const setting = 'access.allowedOrigins';

/** What a parameter of Engine.IO has, however it is escaped. */
const perhapsOfEngine = /EIO|transport|%/;

/**
 * Refuses a request of Engine.IO's long-polling that a page of another origin has its browser send; `undefined`: it is none. Long-polling carries
 * what a WebSocket would. Other requests have CORS of their targets.
 *
 * JSONP is refused where the browser does not say that the page is of our own origin: its answers are scripts, which any page can read, and
 * some browsers name no page when they ask for a script.
 */
export function checkPollingPage(
  request: AgentRequest,
  origin: RequestOrigin,
  context: Pick<AgentContext, 'pages' | 'config'>,
): Result<never> | undefined {
  const url = request.url ?? '/';
  // Targets of the project's own have the usual path.
  const isOfEngine = isForEngine(url, usualEnginePath) || isForEngine(url, context.config.pushServer.path);
  const mark = url.indexOf('?');
  if (!isOfEngine && (mark === -1 || !perhapsOfEngine.test(url.slice(mark)))) return undefined;
  const query = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
  if (!isOfEngine && !query.has('EIO') && query.get('transport') !== 'polling') return undefined;
  const foreign = checkPage(request, origin, context);
  if (foreign !== undefined || !query.has('j')) return foreign;
  const isOwn = request.headers['sec-fetch-site'] === 'same-origin';
  return isOwn || context.pages.any ? undefined : failed('jsonp_refused');
}
