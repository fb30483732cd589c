import { nearest } from './config/nearest.ts';
import { kindOf } from './identity.ts';
import { unknownKey } from './known-keys.ts';

/** A place that serves a product. */
export interface Target {
  /** Address or host name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Share of the clients against the other targets of the product; 1 where nothing else is said. */
  readonly weight: number;
  /** `host:port`, by which logs and hashing know it. */
  readonly name: string;
  /** For whom identities are signed that it is given. @defaultValue its name */
  readonly audience?: string;
}

/** One server with several ports, as router files of gopush 0.1 write it. */
export interface TargetGroup {
  readonly ip: string;
  readonly ports: readonly (number | string)[];
  /** @defaultValue 1 */
  readonly weight?: number;
}

/** One server with one port. */
export interface SingleTarget {
  readonly ip: string;
  readonly port: number | string;
  /** @defaultValue 1 */
  readonly weight?: number;
}

/** In a router: the push-servers that gopush runs itself. */
export const builtIn = 'push-server';

/** All addresses (A and AAAA) of a name, on one port. */
export interface DnsTargets {
  readonly dns: string;
  readonly port: number | string;
}

/** The servers of a service as DNS lists them (RFC 2782), with their weights. */
export interface SrvTargets {
  readonly srv: string;
}

/** What names targets in a router: one, several, those of a name in DNS, or the built-in push-servers. */
export type TargetsInput =
  | SingleTarget
  | TargetGroup
  | readonly (SingleTarget | TargetGroup)[]
  | DnsTargets
  | SrvTargets
  | typeof builtIn;

/** Where targets come from. */
export type TargetSource =
  | { readonly kind: 'list'; readonly targets: readonly Target[] }
  | { readonly kind: 'built-in' }
  | { readonly kind: 'dns'; readonly name: string; readonly port: number }
  | { readonly kind: 'srv'; readonly name: string };

/** Makes a target; the name is derived. */
export function createTarget(host: string, port: number, weight = 1): Target {
  return { host, port, weight, name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` };
}

/**
 * Takes what a router gave to where targets come from; a list is flat, so that each port of each server is one choice among all.
 *
 * @returns the source, or a sentence saying what is wrong
 */
export function parseTargets(input: unknown): TargetSource | string {
  if (input === builtIn) return { kind: 'built-in' };
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    if ('dns' in input) return parseDns(input);
    if ('srv' in input) return parseSrv(input);
  }
  const entries: readonly unknown[] = Array.isArray(input) ? input : [input];
  const targets: Target[] = [];
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if (typeof parsed === 'string') return parsed;
    targets.push(...parsed);
  }
  return { kind: 'list', targets };
}

function parseDns(input: object): TargetSource | string {
  const unknown = findUnknown(input, ['dns', 'port']);
  if (unknown !== undefined) return unknown;
  const { dns: name, port } = input as Record<string, unknown>;
  if (!isName(name)) return 'dns must be a host name';
  const number = parsePort(port);
  return number === undefined ? portFault(name, port) : { kind: 'dns', name, port: number };
}

function parseSrv(input: { readonly srv?: unknown }): TargetSource | string {
  const unknown = findUnknown(input, ['srv']);
  if (unknown !== undefined) return unknown;
  const { srv: name } = input;
  return isName(name) ? { kind: 'srv', name } : 'srv must be a name as _push._tcp.example.com';
}

function parseEntry(entry: unknown): Target[] | string {
  if (typeof entry !== 'object' || entry === null) {
    return `a target is { ip, port } or { ip, ports: [] }, or all of them '${builtIn}', not ${kindOf(entry)}`;
  }
  const unknown = findUnknown(entry, ['ip', 'port', 'ports', 'weight']);
  if (unknown !== undefined) return unknown;
  const { ip, port, ports, weight = 1 } = entry as Record<string, unknown>;
  if (!isName(ip)) return 'ip of a target must be an address or a host name';
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1e6))
    return `weight of ${ip} must be a number from 0 to 1000000`;
  const list: readonly unknown[] = Array.isArray(ports) ? ports : [port];
  const targets: Target[] = [];
  for (const one of list) {
    const number = parsePort(one);
    if (number === undefined) return portFault(ip, one);
    targets.push(createTarget(ip, number, weight));
  }
  return targets;
}

/** A key that is probably a mistyped one of ours. Others are left alone: what a function returns may hold more than we ask for. */
function findUnknown(input: object, known: readonly string[]): string | undefined {
  const key = Object.keys(input).find((one) => !known.includes(one) && nearest(one, known) !== undefined);
  return key === undefined ? undefined : `${key}: ${unknownKey(key, known)}`;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.:%-]{1,255}$/.test(value);
}

function parsePort(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  const fits = typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 65535;
  return fits ? number : undefined;
}

function portFault(host: string, port: unknown): string {
  return `port of ${host} must be a whole number from 1 to 65535, not ${String(port).slice(0, 40)}`;
}
