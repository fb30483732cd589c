import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { AskedServer } from '@gopush/contract';
import type { RequestOrigin } from './request-origin.ts';

/** The host that the client asked for, perhaps with a port. A trusted proxy in front may have replaced the `Host` header. */
export function publicHost(
  { headers }: IncomingMessage,
  { trusted }: Pick<RequestOrigin, 'trusted'>,
): string | undefined {
  const { host, forwarded } = headers;
  const given = trusted ? headers['x-forwarded-host'] : undefined;
  if (given === undefined && (!trusted || forwarded === undefined)) return host;
  return listOf(given)[0] ?? hostsIn(textOf(forwarded))[0] ?? host;
}

/** The names under which, and the protocol by which, a client reached this gateway, as far as a proxy in front is trusted. */
export function askedServer({ headers, socket }: IncomingMessage, trusted: boolean): AskedServer {
  const given = trusted ? protocolIn(headers) : undefined;
  const isSecure = given === undefined ? (socket as TLSSocket).encrypted === true : /^(?:https|wss)$/i.test(given);
  return { hosts: publicHosts(headers, trusted), isSecure };
}

/** The protocol of the client: the first one if several proxies have added theirs. */
function protocolIn(headers: Readonly<IncomingHttpHeaders>): string | undefined {
  const [first] = listOf(headers['x-forwarded-proto']);
  return first ?? /(?:^|[;,\s])proto="?([a-z]+)/i.exec(textOf(headers.forwarded).slice(0, maxForwarded))?.[1];
}

/** Longest `Forwarded` that is read, in characters. */
const maxForwarded = 2_048;

/**
 * The names, with their ports, under which a client may have asked for this gateway: its `Host`, and the one that a
 * trusted proxy replaced (`X-Forwarded-Host` and `-Port`, or RFC 7239). Several proxies make lists. No page can set
 * any of these headers without a
 * preflight.
 */
function publicHosts(headers: Readonly<IncomingHttpHeaders>, trusted: boolean): string[] {
  const { host } = headers;
  const hosts = host === undefined ? [] : [host];
  if (!trusted) return hosts;
  hosts.push(...listOf(headers['x-forwarded-host']), ...hostsIn(textOf(headers.forwarded)));
  const ports = listOf(headers['x-forwarded-port']).filter((port) => /^\d{1,5}$/.test(port));
  const bare = hosts.filter((one) => !/:\d+$/.test(one));
  return [...new Set([...hosts, ...bare.flatMap((one) => ports.map((port) => `${one}:${port}`))])].slice(0, most);
}

/** Most names that are compared. */
const most = 16;

function listOf(value: string | string[] | undefined): string[] {
  return textOf(value)
    .split(',', most)
    .map((one) => one.trim())
    .filter(Boolean);
}

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value ?? []).join();
}

/** The `host` of each element of `Forwarded`. */
function hostsIn(forwarded: string): string[] {
  return [...forwarded.slice(0, maxForwarded).matchAll(/(?:^|[;,\s])host=(?:"([^"]*)"|([^\s;,"]*))/gi)].flatMap(
    ([, quoted, bare]) => quoted || bare || [],
  );
}
