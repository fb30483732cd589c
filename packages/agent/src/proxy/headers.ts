import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { agentHeader, identityHeaderPrefix, writeIdentity } from '@gopush/contract';
import type { Route } from '../resolve.ts';
import { plainAddress, type Trust } from './trust.ts';

/** Headers as Node gives them raw: names and values in turn, as they came. */
export type RawHeaders = readonly string[];

/** Headers that mean only the connection they came on (RFC 9110 section 7.6.1), besides those that `Connection` names. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The headers for a target: the client's end-to-end headers as they came, without what a client may not claim, then ours.
 *
 * What `Connection` names goes before ours are added: otherwise a client could have them removed.
 *
 * @param trusts - whose `X-Forwarded-…` are continued rather than replaced
 */
export function requestHeaders(request: IncomingMessage, route: Route, agent: string, trusts: Trust): string[] {
  const headers = withoutHopByHop(request.rawHeaders, (name) => !isOurs(name));
  headers.push(...writeIdentity(route.identity), agentHeader, agent);
  const address = plainAddress(request.socket.remoteAddress);
  const given = trusts(address) ? request.headers : nothing;
  const before = given['x-forwarded-for'];
  headers.push('x-forwarded-for', before === undefined ? address : `${before}, ${address}`);
  const ownProto = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
  headers.push('x-forwarded-proto', firstOf(given['x-forwarded-proto']) ?? ownProto);
  const host = firstOf(given['x-forwarded-host']) ?? request.headers.host;
  if (host !== undefined) headers.push('x-forwarded-host', host);
  return headers;
}

const nothing: IncomingHttpHeaders = {};

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** The end-to-end headers of a target's answer. */
export function responseHeaders(raw: RawHeaders): string[] {
  return withoutHopByHop(raw, () => true);
}

/** The end-to-end headers among these that pass; one of several values stays several. */
function withoutHopByHop(raw: RawHeaders, passes: (name: string) => boolean): string[] {
  const named = namedByConnection(raw);
  const headers: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named?.has(lower) || !passes(lower)) continue;
    headers.push(name, raw[index + 1] as string);
  }
  return headers;
}

/** The trailers of a request that may go on: what belongs in a head has no place there (RFC 9110 section 6.5.1). */
export function requestTrailers(raw: RawHeaders): string[] {
  return withoutHopByHop(raw, (name) => !isOurs(name) && name !== 'content-length' && name !== 'host');
}

/** What a client may not claim, since targets believe us. */
function isOurs(given: string): boolean {
  // Many a target (CGI, WSGI, PHP) cannot tell an underscore from a hyphen.
  const name = given.replaceAll('_', '-');
  return (
    name.startsWith(identityHeaderPrefix) ||
    name.startsWith('x-forwarded-') ||
    name === 'forwarded' ||
    name === 'x-real-ip' ||
    // Already answered on this connection, by Node.
    name === 'expect'
  );
}

function namedByConnection(raw: RawHeaders): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if ((raw[index] as string).toLowerCase() !== 'connection') continue;
    for (const name of (raw[index + 1] as string).split(',')) {
      const lower = name.trim().toLowerCase();
      if (lower === '' || lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') continue;
      // Without its length a body would be taken for the next request; without a host nobody answers.
      if (lower === 'content-length' || lower === 'host') continue;
      named ??= new Set();
      named.add(lower);
    }
  }
  return named;
}
