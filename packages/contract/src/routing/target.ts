import { kindOf } from '../reading/kind-of.ts';
import { parseTls, type TargetTls, type TlsInput } from './target-tls.ts';

/** A place that serves a product. */
export interface Target {
  /** Address or host name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Share of the clients against the other targets of the product; 1 where nothing else is said. */
  readonly weight: number;
  /** By which logs, metrics and hashing know it: `host:port`, with `https://` before it where TLS is spoken, or `unix:` and a path. */
  readonly name: string;
  /** `host:port`, without a scheme. */
  readonly authority: string;
  /** Path of its Unix socket; host and port mean nothing then. */
  readonly socketPath?: string;
  /** Absent: no TLS. */
  readonly tls?: TargetTls;
  /** The `Host` that it gets. @defaultValue the client's */
  readonly hostHeader?: string;
  /** For whom identities are signed that it is given. @defaultValue its authority */
  readonly audience?: string;
}

/** What targets may have besides their address. */
export interface TargetOptions {
  /** TLS to the target: `true`, or how. @defaultValue none, but with `https://` and `wss://` */
  readonly tls?: boolean | TlsInput;
  /** Which `Host` the target gets: the client's, or its own, as servers that serve several names want it. @defaultValue `client` */
  readonly hostHeader?: 'client' | 'target';
}

/** The same for targets that are named one by one. */
interface WeightedOptions extends TargetOptions {
  /** Share of the clients against the other targets, 0 to 1000000; 0: no new ones. @defaultValue 1 */
  readonly weight?: number;
}

/** One server with several ports, as router files of gopush 0.1 write it. */
export interface TargetGroup extends WeightedOptions {
  readonly ip: string;
  readonly ports: readonly (number | string)[];
}

/** One server with one port. */
export interface SingleTarget extends WeightedOptions {
  readonly ip: string;
  readonly port: number | string;
}

/** One server by its URL: `http://`, `https://`, `ws://` or `wss://` with host and port and without a path, or `unix:` with the path of a socket. */
export interface UrlTarget extends WeightedOptions {
  readonly url: string;
}

type OneTarget = string | UrlTarget | SingleTarget | TargetGroup;

/** In a router: the push-servers that gopush runs itself. */
export const builtIn = 'push-server';

/** All addresses (A and AAAA) of a name, on one port. */
export interface DnsTargets extends TargetOptions {
  readonly dns: string;
  readonly port: number | string;
}

/** The servers of a service as DNS lists them (RFC 2782), with their weights. */
export interface SrvTargets extends TargetOptions {
  readonly srv: string;
}

/** What names targets in a router: one, several, those of a name in DNS, or the built-in push-servers. */
export type TargetsInput = OneTarget | readonly OneTarget[] | DnsTargets | SrvTargets | typeof builtIn;

/** Where targets come from. */
export type TargetSource =
  | { readonly kind: 'list'; readonly targets: readonly Target[] }
  | { readonly kind: 'built-in' }
  | { readonly kind: 'dns'; readonly name: string; readonly port: number; readonly options: TargetOptions }
  | { readonly kind: 'srv'; readonly name: string; readonly options: TargetOptions };

/**
 * Makes a target; the name is derived.
 *
 * @param tls - absent: none
 */
export function createTarget(host: string, port: number, weight = 1, tls?: TargetTls): Target {
  const authority = `${bracketed(host)}:${port}`;
  if (tls === undefined) return { host, port, weight, name: authority, authority };
  return { host, port, weight, name: `https://${authority}`, authority, tls };
}

/**
 * The same with options of a router.
 *
 * @param name - how the router named it, which its certificate has to bear; DNS may have said `host`
 * @returns the target, or a sentence that says what is wrong
 */
export function createTargetWith(
  options: object,
  host: string,
  port: number,
  weight = 1,
  name = host,
): Target | string {
  const { tls, hostHeader = 'client' } = options as { readonly tls?: unknown; readonly hostHeader?: unknown };
  const read = parseTls(tls, name);
  if (typeof read === 'string') return read;
  if (hostHeader !== 'client' && hostHeader !== 'target') {
    return `hostHeader: found ${typeof hostHeader === 'string' ? JSON.stringify(hostHeader.slice(0, 80)) : kindOf(hostHeader)}, wanted client or target`;
  }
  const target = createTarget(host, port, weight, read);
  if (hostHeader === 'client') return target;
  const isDefault = port === (read === undefined ? 80 : 443);
  return { ...target, hostHeader: isDefault ? bracketed(name) : `${bracketed(name)}:${port}` };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
