import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import {
  type AllowedOrigins,
  allowReading,
  type Failure,
  type FailureCode,
  failureBody,
  failures,
  messageOf,
  requestIdHeader,
  retryAfter,
} from '@gopush/contract';
import { reasonOf } from '@gopush/service';
import { wasPassedOn } from '../hooks/app-messages.ts';
import { isNavigating, waitingPage } from './waiting-page.ts';

/**
 * Responds to an HTTP request with a failure, which pages of listed origins may read. A response that has begun already
 * is cut, as its status cannot be taken back.
 */
export function rejectRequest(response: ServerResponse, failure: Failure, id: string, pages: AllowedOrigins): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  allowReading(response.req, response, pages);
  const { code } = failure;
  const row = failures[code];
  const page = row.retry && isNavigating(response.req);
  const body = page ? waitingPage(code) : JSON.stringify(failureBody(code, messageOf(failure)));
  const headers: OutgoingHttpHeaders = {
    'content-type': page ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-gopush-error': code,
    [requestIdHeader]: id,
  };
  dropContentHeaders(response);
  if (row.http === 401) headers['www-authenticate'] = 'Bearer';
  if (row.retry) headers['retry-after'] = String(retryAfter(code));
  // Otherwise the rest of the body would have to be read and discarded before the next request; and a refused connection would be refused request
  // by request for
  // as long as its client keeps it.
  if (!response.req.complete || ofConnection.has(code)) headers.connection = 'close';
  try {
    response.writeHead(row.http, reasonOf(row.http), headers);
    response.end(body);
  } catch (error) {
    // Thrown by a middleware that has replaced a method.
    if (!wasPassedOn(response)) throw error;
    response.destroy();
  }
}

/** Headers that a middleware of an app hook may have set for another content than that of a refusal. */
const ofContent = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-range',
  'etag',
  'expires',
  'last-modified',
] as const;

function dropContentHeaders(response: ServerResponse): void {
  if (wasPassedOn(response)) for (const name of ofContent) response.removeHeader(name);
}

/** Refusals of the connection rather than of the request on it. */
const ofConnection: ReadonlySet<FailureCode> = new Set([
  'overloaded',
  'too_many_connections',
  'too_many_connections_ip',
  'too_fast',
  'too_fast_ip',
  'stopping',
]);
