import { createHash } from 'node:crypto';
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  canonicalAddress,
  createTargetWith,
  failed,
  type Result,
  success,
  type Target,
  type TargetOptions,
  type TargetPlace,
  type TargetSource,
} from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { sameTargets } from './same-targets.ts';

/** Targets that come and go. */
export interface TargetList {
  /** The same array as long as nothing changed. */
  current(): readonly Target[];
}

/** Finds the targets that a router names. */
export interface Sources {
  /** The targets of a source. DNS is asked when they are first wanted; its records are kept for their time to live. */
  targets(source: TargetSource): readonly Target[] | Promise<readonly Target[]>;
  /** The targets that a function returned, if they are within the allowed networks. */
  allowed(source: TargetSource): Result<readonly Target[]> | Promise<Result<readonly Target[]>>;
  /** Whether these are the push-servers that gopush runs. */
  isBuiltIn(targets: readonly Target[]): boolean;
}

/** What sources are made of. */
export interface SourcesOptions {
  readonly builtIn: TargetList;
  /** Name servers; empty: those of the system. */
  readonly dnsServers: readonly string[];
  /** Whether an address may be a target of a function; `undefined`: all may. */
  readonly allows: ((address: string) => boolean) | undefined;
  readonly log: Logger;
}

/** Shortest and longest time for which DNS records are kept, in milliseconds, even if their time to live is shorter or longer. */
const ttlMs = { least: 1_000, most: 60_000 };

/** How many names are kept; a function may make any number of them. */
const maxNames = 1_000;

/** Longest time of a DNS query, in milliseconds. */
const dnsTimeoutMs = 2_000;

type OfDns = Extract<TargetSource, { kind: 'dns' | 'srv' }>;

interface Answer {
  readonly targets: readonly Target[];
  readonly ttlMs: number;
}

interface Kept {
  targets: readonly Target[];
  until: number;
  asking: Promise<readonly Target[]> | undefined;
}

/** Opens the sources. */
export function createSources({ builtIn, dnsServers, allows, log }: SourcesOptions): Sources {
  const resolver = new Resolver({ timeout: dnsTimeoutMs, tries: 2 });
  if (dnsServers.length > 0) resolver.setServers(dnsServers);
  const kept = new Map<string, Kept>();

  /** Kept records. Old ones are asked for again, and used meanwhile. */
  function keep(key: string, ask: () => Promise<Answer>): readonly Target[] | Promise<readonly Target[]> {
    let entry = kept.get(key);
    if (entry === undefined) {
      entry = { targets: [], until: 0, asking: undefined };
      // The name that was wanted longest ago: a wanted name is asked for again when its records are old, and is last from then on.
      for (const oldest of kept.keys()) {
        if (kept.size < maxNames) break;
        kept.delete(oldest);
      }
      kept.set(key, entry);
    }
    const { until } = entry;
    if (performance.now() < until) return entry.targets;
    if (entry.asking === undefined) {
      kept.delete(key);
      kept.set(key, entry);
      entry.asking = refresh(key, entry, ask);
    }
    return until === 0 ? entry.asking : entry.targets;
  }

  async function refresh(key: string, entry: Kept, ask: () => Promise<Answer>): Promise<readonly Target[]> {
    try {
      const { targets, ttlMs: ttl } = await ask();
      // An equal list keeps its array, so that comparing is cheap.
      if (!sameTargets(entry.targets, targets)) entry.targets = targets;
      entry.until = performance.now() + Math.min(Math.max(ttl, ttlMs.least), ttlMs.most);
    } catch (error) {
      // A name server that is down does not change the targets: the known ones stay.
      log.warn({ name: key, problem: (error as Error).message, kept: entry.targets.length }, 'DNS gave no targets');
      entry.until = performance.now() + ttlMs.least;
    }
    entry.asking = undefined;
    return entry.targets;
  }

  function targets(source: TargetSource): readonly Target[] | Promise<readonly Target[]> {
    switch (source.kind) {
      case 'list':
        return source.targets;
      case 'built-in':
        return builtIn.current();
      case 'dns':
        return keep(keyOf(source, `${source.name}:${source.port}`), () => askAddresses(resolver, source));
      case 'srv':
        return keep(keyOf(source, source.name), () => askServices(resolver, source));
    }
  }
  return {
    targets,
    isBuiltIn: (list) => list === builtIn.current(),
    allowed(source) {
      const found = targets(source);
      if (allows === undefined || source.kind === 'built-in') {
        return Array.isArray(found) ? success(found) : (found as Promise<readonly Target[]>).then(success);
      }
      return Promise.resolve(found).then((list) => within(list, allows));
    },
  };
}

const optionKeys = new WeakMap<TargetOptions, string>();

/** By content, because a function makes new objects for each request. */
function keyOf({ options }: OfDns, name: string): string {
  const { tls, hostHeader } = options;
  if (tls === undefined && hostHeader === undefined) return name;
  let key = optionKeys.get(options);
  if (key === undefined) {
    key = createHash('sha256')
      .update(JSON.stringify([tls, hostHeader]))
      .digest('base64url');
    optionKeys.set(options, key);
  }
  return `${name} ${key}`;
}

async function askAddresses(
  resolver: Resolver,
  { name, port, options }: Extract<OfDns, { kind: 'dns' }>,
): Promise<Answer> {
  const asked = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const records = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (records.length === 0) throwUnlessEmpty(asked.flatMap((one) => (one.status === 'rejected' ? [one.reason] : [])));
  return {
    targets: sorted(records.map(({ address }) => targetOf(options, { host: address, port, weight: 1, name }))),
    ttlMs: Math.min(ttlMs.most, ...records.map(({ ttl }) => ttl * 1_000)),
  };
}

/** The services of the lowest priority value (RFC 2782); their weights are the weights of targets, 0 being the least. */
async function askServices(resolver: Resolver, { name, options }: Extract<OfDns, { kind: 'srv' }>): Promise<Answer> {
  const records = await resolver.resolveSrv(name).catch((error: unknown) => {
    throwUnlessEmpty([error]);
    return [];
  });
  const priority = Math.min(...records.map((record) => record.priority));
  // A service that is explicitly not available has the root as its host.
  const best = records.filter((record) => record.priority === priority && record.name !== '' && record.name !== '.');
  // Node does not give the time to live of SRV records.
  return {
    targets: sorted(best.map((one) => targetOf(options, { host: one.name, port: one.port, weight: one.weight || 1 }))),
    ttlMs: 5_000,
  };
}

/** An empty answer means that there are no targets; no answer at all is an error. */
function throwUnlessEmpty(reasons: readonly unknown[]): void {
  for (const reason of reasons) {
    const { code } = reason as NodeJS.ErrnoException;
    if (code !== 'ENODATA' && code !== 'ENOTFOUND') throw reason;
  }
}

/** The options were checked with the router. */
function targetOf(options: TargetOptions, place: TargetPlace): Target {
  const target = createTargetWith(options, place);
  if (typeof target === 'string') throw new Error(target);
  return target;
}

function sorted(targets: Target[]): Target[] {
  return targets.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Checks that targets of a function are within the allowed networks. A name is resolved here and its address kept, so that connecting cannot get
 * another address from DNS.
 */
async function within(
  targets: readonly Target[],
  allows: (address: string) => boolean,
): Promise<Result<readonly Target[]>> {
  const pinned: Target[] = [];
  for (const target of targets) {
    if (target.socketPath !== undefined) {
      return failed('target_forbidden', `${target.name} is not an address within access.allowedTargets`);
    }
    const addresses =
      isIP(target.host) === 0
        ? await lookup(target.host, { all: true }).then(
            (found) => found.map(({ address }) => address),
            () => [],
          )
        : [target.host];
    // Not found now. Connecting must not find another address than the one that was checked.
    if (addresses.length === 0) continue;
    const address = addresses.map(canonicalAddress).find((one) => one !== undefined && allows(one));
    if (address !== undefined) pinned.push({ ...target, host: address });
    else return failed('target_forbidden', `${target.name} is not within access.allowedTargets`);
  }
  return success(pinned);
}
