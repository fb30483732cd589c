import { kindOf } from '../reading/kind-of.ts';
import { unknownKey } from '../reading/known-keys.ts';
import { nearest } from '../reading/nearest.ts';
import { builtIn, createTargetWith, type Target, type TargetOptions, type TargetSource } from './target.ts';
import { parseTargetUrl } from './target-url.ts';

/**
 * Parses the targets of a router. A list is flattened, so that each port of each server is one target.
 *
 * @returns the source of targets, or a sentence with the problem
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
  const unknown = findUnknown(input, ['dns', 'port', ...optionKeys]);
  if (unknown !== undefined) return unknown;
  const { dns: name, port } = input as Record<string, unknown>;
  if (!isName(name)) return 'dns must be a host name';
  const number = parsePort(port);
  if (number === undefined) return portFault(name, port);
  const sample = createTargetWith(input, { host: name, port: number });
  return typeof sample === 'string' ? sample : { kind: 'dns', name, port: number, options: optionsOf(input) };
}

function parseSrv(input: object): TargetSource | string {
  const unknown = findUnknown(input, ['srv', ...optionKeys]);
  if (unknown !== undefined) return unknown;
  const { srv: name } = input as { readonly srv?: unknown };
  if (!isName(name)) return 'srv must be a name such as _push._tcp.example.com';
  const sample = createTargetWith(input, { host: 'a.name', port: 1 });
  return typeof sample === 'string' ? sample : { kind: 'srv', name, options: optionsOf(input) };
}

function parseEntry(entry: unknown): Target[] | string {
  if (typeof entry === 'string') return parseUrlEntry(entry, {}, 1);
  if (typeof entry !== 'object' || entry === null) {
    return `a target is a URL, { url }, { ip, port } or { ip, ports: [] }, or all of them '${builtIn}', not ${kindOf(entry)}`;
  }
  const { weight = 1 } = entry as { readonly weight?: unknown };
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1e6)) {
    return `weight: found ${String(weight).slice(0, 40)}, wanted a number from 0 to 1000000`;
  }
  return 'url' in entry ? parseUrlEntry(entry.url, entry, weight) : parseAddresses(entry, weight);
}

function parseAddresses(entry: object, weight: number): Target[] | string {
  const unknown = findUnknown(entry, ['ip', 'port', 'ports', 'weight', ...optionKeys]);
  if (unknown !== undefined) return unknown;
  const { ip, port, ports } = entry as Record<string, unknown>;
  if (!isName(ip)) return 'ip of a target must be an address or a host name';
  const targets: Target[] = [];
  for (const one of Array.isArray(ports) ? ports : [port]) {
    const number = parsePort(one);
    if (number === undefined) return portFault(ip, one);
    const target = createTargetWith(entry, { host: ip, port: number, weight });
    if (typeof target === 'string') return target;
    targets.push(target);
  }
  return targets;
}

function parseUrlEntry(url: unknown, options: object, weight: number): Target[] | string {
  const unknown = findUnknown(options, ['url', 'weight', ...optionKeys]);
  if (unknown !== undefined) return unknown;
  if (typeof url !== 'string') return `url: found ${kindOf(url)}, wanted text`;
  const address = parseTargetUrl(url);
  if (typeof address === 'string') return address;
  const { host, port, socketPath, isSecure } = address;
  const { tls = isSecure } = options as { readonly tls?: unknown };
  if (isSecure ? tls === false : tls !== undefined && tls !== false) {
    return `tls: found it with ${url.slice(0, 120)}, wanted ${isSecure ? 'true, options, or nothing' : 'https:// or wss://'}`;
  }
  const target = createTargetWith({ ...options, tls }, { host, port, weight });
  if (typeof target === 'string' || socketPath === undefined) return typeof target === 'string' ? target : [target];
  const name = `unix:${socketPath}`;
  const { hostHeader, ...others } = target;
  return [{ ...others, name, authority: host, audience: name, socketPath, ...(hostHeader && { hostHeader: host }) }];
}

/** A key that is probably a misspelt option. Other unknown keys are allowed: a function may return objects with more properties. */
function findUnknown(input: object, known: readonly string[]): string | undefined {
  const key = Object.keys(input).find((one) => !known.includes(one) && nearest(one, known) !== undefined);
  return key === undefined ? undefined : `${key}: ${unknownKey(key, known)}`;
}

function optionsOf({ tls, hostHeader }: TargetOptions): TargetOptions {
  return { ...(tls !== undefined && { tls }), ...(hostHeader !== undefined && { hostHeader }) };
}

const optionKeys = ['tls', 'hostHeader'] as const satisfies readonly (keyof TargetOptions)[];

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
