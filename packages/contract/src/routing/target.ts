import { kindOf } from '../reading/kind-of.ts';
import { parseTls, type TargetTls, type TlsInput } from './target-tls.ts';

/** A server that an agent sends requests of a product to. */
export interface Target {
  /** Address or host name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Share of the clients relative to the other targets of the product. */
  readonly weight: number;
  /** Its name in logs, metrics and hashing: `host:port`, with `https://` in front for TLS, or `unix:` and a path. */
  readonly name: string;
  /** `host:port`, without a scheme. */
  readonly authority: string;
  /** Path of its Unix socket. Host and port are then not used. */
  readonly socketPath?: string;
  /** Absent: no TLS. */
  readonly tls?: TargetTls;
  /** The `Host` header that it gets. @defaultValue the client's */
  readonly hostHeader?: string;
  /** Audience of the signed identities that it gets. @defaultValue its authority */
  readonly audience?: string;
}

/** Options of targets. */
export interface TargetOptions {
  /** TLS to the target: `true`, or options. @defaultValue only with `https://` and `wss://` */
  readonly tls?: boolean | TlsInput;
  /** Which `Host` the target gets: the client's, or its own name, for servers that expect it. @defaultValue `client` */
  readonly hostHeader?: 'client' | 'target';
}

/** Options of single targets. */
interface WeightedOptions extends TargetOptions {
  /** Share of the clients relative to the other targets, 0 to 1000000; 0: no new clients. @defaultValue 1 */
  readonly weight?: number;
}

/** One server with several ports, the form of gopush 0.1. */
export interface TargetGroup extends WeightedOptions {
  readonly ip: string;
  readonly ports: readonly (number | string)[];
}

/** One server with one port. */
export interface SingleTarget extends WeightedOptions {
  readonly ip: string;
  readonly port: number | string;
}

/** One server by URL: `http://`, `https://`, `ws://` or `wss://` with host and port and without a path, or `unix:` with the path of a socket. */
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

/** The servers of a service from DNS SRV records (RFC 2782), with their weights. */
export interface SrvTargets extends TargetOptions {
  readonly srv: string;
}

/** Targets in a router: one, several, those of a DNS name, or the built-in push-servers. */
export type TargetsInput = OneTarget | readonly OneTarget[] | DnsTargets | SrvTargets | typeof builtIn;

/** Where targets come from. */
export type TargetSource =
  | { readonly kind: 'list'; readonly targets: readonly Target[] }
  | { readonly kind: 'built-in' }
  | { readonly kind: 'dns'; readonly name: string; readonly port: number; readonly options: TargetOptions }
  | { readonly kind: 'srv'; readonly name: string; readonly options: TargetOptions };

/**
 * Creates a target and derives its name.
 *
 * @param tls - absent: none
 */
export function createTarget(host: string, port: number, weight = 1, tls?: TargetTls): Target {
  const authority = `${bracketed(host)}:${port}`;
  if (tls === undefined) return { host, port, weight, name: authority, authority };
  return { host, port, weight, name: `https://${authority}`, authority, tls };
}

/** Where a target is. */
export interface TargetPlace {
  readonly host: string;
  readonly port: number;
  /** @defaultValue 1 */
  readonly weight?: number;
  /** Its host in the router, which its certificate must match; `host` may come from DNS. @defaultValue `host` */
  readonly name?: string;
}

/**
 * Creates a target with the options of a router.
 *
 * @returns the target, or a sentence with the problem
 */
export function createTargetWith(
  options: object,
  { host, port, weight = 1, name = host }: TargetPlace,
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
