import type { IncomingHttpHeaders } from 'node:http';
import type { AllowedOrigins } from './allowed-origins.ts';
import { readOrigin } from './origin.ts';

/** A request as far as CORS looks at it. */
interface Asking {
  readonly method?: string | undefined;
  readonly headers: Readonly<IncomingHttpHeaders>;
}

/** The part of Node's `ServerResponse` that CORS needs. */
interface Answering {
  hasHeader(name: string): boolean;
  getHeader(name: string): number | string | string[] | undefined;
  setHeader(name: string, value: string): unknown;
}

const allowOrigin = 'access-control-allow-origin';

/** Headers of our own responses that pages may read, besides those of any response. */
const exposed = 'x-gopush-error, x-request-id, retry-after';

/** How long browsers may cache a preflight response, in seconds. */
const maxAge = '600';

/**
 * Whether a browser asks if a page may send a request (a CORS preflight, https://fetch.spec.whatwg.org/#cors-preflight-request). It carries no
 * credentials, so it cannot be attributed to a user.
 */
export function isPreflight({ method, headers }: Asking): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && 'access-control-request-method' in headers;
}

/** Whether the page behind a request is of a listed origin. One of the server's own needs no CORS. */
export function isListed({ origin, host }: Readonly<IncomingHttpHeaders>, pages: AllowedOrigins): boolean {
  if (origin === undefined) return false;
  if (pages.any) return true;
  const page = readOrigin(origin);
  return page !== undefined && pages.lists(page, host === undefined ? [] : [host]);
}

/**
 * Lets the page that sent a request read the response, if its origin is listed. Changes nothing if an app has already decided that.
 *
 * @returns whether it is of a listed origin
 */
export function allowReading({ headers }: Asking, response: Answering, pages: AllowedOrigins): boolean {
  const { origin } = headers;
  // For requests without an Origin as well: a cache would serve their response to a page.
  if (pages.none) return false;
  varyBy(response, ['Origin']);
  if (!isListed(headers, pages)) return false;
  if (!response.hasHeader(allowOrigin)) {
    response.setHeader(allowOrigin, origin as string);
    response.setHeader('access-control-allow-credentials', 'true');
    response.setHeader('access-control-expose-headers', exposed);
  }
  return true;
}

/** Writes the response headers of a preflight from a listed origin: the page may send what it asks for. */
export function allowSending({ headers }: Asking, response: Answering): void {
  response.setHeader(allowOrigin, headers.origin as string);
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('access-control-allow-methods', textOf(headers['access-control-request-method']));
  const asked = textOf(headers['access-control-request-headers']);
  if (asked !== '') response.setHeader('access-control-allow-headers', asked);
  // https://wicg.github.io/private-network-access/#cors-preflight
  if (headers['access-control-request-private-network'] === 'true') {
    response.setHeader('access-control-allow-private-network', 'true');
  }
  response.setHeader('access-control-max-age', maxAge);
  response.setHeader('content-length', '0');
  // A body, which no browser sends, would be read to no use before the next request.
  if (hasBody(headers)) response.setHeader('connection', 'close');
  varyBy(response, ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers']);
}

/** Tells caches which request headers a response depends on (RFC 9110 section 12.5.5). */
function varyBy(response: Answering, names: readonly string[]): void {
  const before = textOf(response.getHeader('vary'));
  const known = before.toLowerCase().split(/[\s,]+/);
  if (known.includes('*')) return;
  const missing = names.filter((name) => !known.includes(name.toLowerCase()));
  if (missing.length > 0) response.setHeader('vary', [before, ...missing].filter(Boolean).join(', '));
}

function hasBody(headers: Asking['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function textOf(value: number | string | readonly string[] | undefined): string {
  return value === undefined ? '' : typeof value === 'object' ? value.join(', ') : String(value);
}
