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

/** What pages may read of our own answers, besides what they may read of any. */
const exposed = 'x-gopush-error, x-request-id, retry-after';

/** How long browsers may remember the answer to a preflight, in seconds. */
const maxAge = '600';

/**
 * Whether a browser asks if a page may send a request (a CORS preflight, https://fetch.spec.whatwg.org/#cors-preflight-request). It carries no
 * credentials, so nobody can tell who it is from.
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
 * Lets the page behind a request read the answer, where it is of a listed origin; nothing changes where an app has decided that already.
 *
 * @returns whether it is of a listed origin
 */
export function allowReading({ headers }: Asking, response: Answering, pages: AllowedOrigins): boolean {
  const { origin } = headers;
  // Of those without an Origin as well: a cache would give their answer to a page.
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

/** Writes the headers that answer a preflight of a listed origin: what the page asks for, it may send. */
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

/** Tells caches on which headers of the request an answer depends (RFC 9110 section 12.5.5). */
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
