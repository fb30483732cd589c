import { kindOf } from './identity.ts';

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

/** What names targets in a router: one, several, or the built-in push-servers. */
export type TargetsInput = SingleTarget | TargetGroup | readonly (SingleTarget | TargetGroup)[] | typeof builtIn;

/** Makes a target; the name is derived. */
export function createTarget(host: string, port: number, weight = 1): Target {
  return { host, port, weight, name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` };
}

/**
 * Takes what a router gave to a flat list of targets, so that each port of each server is one choice among all.
 *
 * @returns the targets, or a sentence saying what is wrong
 */
export function parseTargets(input: unknown, builtInTargets: readonly Target[]): readonly Target[] | string {
  if (input === builtIn) return builtInTargets;
  const entries: readonly unknown[] = Array.isArray(input) ? input : [input];
  const targets: Target[] = [];
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if (typeof parsed === 'string') return parsed;
    targets.push(...parsed);
  }
  return targets;
}

function parseEntry(entry: unknown): Target[] | string {
  if (typeof entry !== 'object' || entry === null) {
    return `a target is { ip, port } or { ip, ports: [] }, or all of them '${builtIn}', not ${kindOf(entry)}`;
  }
  const { ip, port, ports, weight = 1 } = entry as Record<string, unknown>;
  if (typeof ip !== 'string' || !/^[\w.:%-]{1,255}$/.test(ip))
    return 'ip of a target must be an address or a host name';
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1e6))
    return `weight of ${ip} must be a number from 0 to 1000000`;
  const list: readonly unknown[] = Array.isArray(ports) ? ports : [port];
  const targets: Target[] = [];
  for (const one of list) {
    const number = typeof one === 'string' && /^\d{1,5}$/.test(one) ? Number(one) : one;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65535) {
      return `port of ${ip} must be a whole number from 1 to 65535, not ${String(one).slice(0, 40)}`;
    }
    targets.push(createTarget(ip, number, weight));
  }
  return targets;
}
