import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { plainAddress, type RouteEntry } from '@gopush/contract';

const nothing: IncomingHttpHeaders = {};

/**
 * Adds the headers that name the origin of a request: `X-Forwarded-…`, and `Forwarded` if a trusted proxy in front has set it.
 *
 * @param trusted - whether headers of the peer are continued; otherwise they are replaced
 */
export function addForwarded(
  headers: string[],
  request: IncomingMessage,
  trusted: boolean,
  entry: RouteEntry | undefined,
): void {
  const given = trusted ? request.headers : nothing;
  const peer = plainAddress(request.socket.remoteAddress);
  const before = given['x-forwarded-for'];
  headers.push('x-forwarded-for', before === undefined ? peer : `${before}, ${peer}`);
  const ownProto = (request.socket as TLSSocket).encrypted ? 'https' : 'http';
  headers.push('x-forwarded-proto', firstOf(given['x-forwarded-proto']) ?? ownProto);
  const host = firstOf(given['x-forwarded-host']) ?? request.headers.host;
  if (host !== undefined) headers.push('x-forwarded-host', host);
  if (entry?.stripPath) headers.push('x-forwarded-prefix', (firstOf(given['x-forwarded-prefix']) ?? '') + entry.path);
  if (given.forwarded !== undefined) headers.push('forwarded', `${given.forwarded}, for=${nodeOf(peer)}`);
}

/**
 * Whether a header of a trusted proxy is forwarded unchanged: only under the exact name that proxies use, since another spelling may be the
 * client's. Headers to which the agent appends are written elsewhere.
 *
 * @param name - in lower case
 */
export function isOfProxy(name: string, entry: RouteEntry | undefined): boolean {
  if (name === 'x-real-ip') return true;
  if (!/^x-forwarded-[a-z0-9-]+$/.test(name) || continued.has(name)) return false;
  return name !== 'x-forwarded-prefix' || entry?.stripPath !== true;
}

const continued: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);

/** An address as `Forwarded` has it (RFC 7239 section 6). */
function nodeOf(address: string): string {
  return isIPv6(address) ? `"[${address}]"` : address;
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
