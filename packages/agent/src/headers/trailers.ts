import type { IncomingMessage } from 'node:http';
import { foldName } from '../wire/field.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { endToEnd, type RawHeaders } from './end-to-end.ts';
import { isReserved } from './reserved.ts';

/** The trailers of a request that may be forwarded. */
export function requestTrailers({ rawHeaders, rawTrailers }: IncomingMessage): string[] {
  return trailersAfter(rawHeaders, rawTrailers);
}

/** The trailers of a target's response that may be forwarded. */
export function responseTrailers({ headers }: ResponseHead, raw: RawHeaders): string[] {
  return trailersAfter(headers, raw);
}

function trailersAfter(head: RawHeaders, raw: RawHeaders): string[] {
  return endToEnd(raw, (name) => !isReserved(name) && !onlyInHeads.has(foldName(name)), head);
}

/**
 * Headers that may not be trailers, besides those that are for one connection (RFC 9110 section 6.5.1): they frame the message, route or change
 * the request, authenticate, or describe how to read the content.
 */
const onlyInHeads: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'warning',
  'www-authenticate',
]);
