import { decodePercent } from '../identity.ts';
import { type JsonSchema, withoutNull } from './json-schema.ts';
import type { ConfigProblem } from './problem.ts';

/** A setting and the environment variable that overrides it. */
export interface Variable {
  /** As in `GOPUSH_AGENT_PORT`. */
  readonly name: string;
  readonly path: readonly string[];
  readonly schema: JsonSchema;
}

/** Variables that start with `GOPUSH_` without being settings. */
export const reservedVariables: ReadonlySet<string> = new Set([
  'GOPUSH_ENV',
  'GOPUSH_DIR',
  'GOPUSH_TIER',
  'GOPUSH_INDEX',
  'GOPUSH_API_KEY',
  'GOPUSH_CHECKED',
]);

/** Every setting with its environment variable: `agent.drainMs` is `GOPUSH_AGENT_DRAIN_MS`. */
export function listVariables(root: JsonSchema): Variable[] {
  return Object.entries(root.properties ?? {})
    .filter(([key]) => key !== '$schema')
    .flatMap(([key, schema]) => variablesOf([key], schema));
}

function variablesOf(path: readonly string[], schema: JsonSchema): Variable[] {
  const self = { name: `GOPUSH_${path.map(constantCase).join('_')}`, path, schema };
  const inner = withoutNull(schema).properties;
  if (inner === undefined) return [self];
  return [self, ...Object.entries(inner).flatMap(([key, value]) => variablesOf([...path, key], value))];
}

function constantCase(key: string): string {
  return key.replace(/[A-Z]/g, '_$&').toUpperCase();
}

/** What an environment variable says for a setting; text that does not fit stays text, for the schema to refuse. */
export function readVariable(text: string, schema: JsonSchema): unknown {
  if (text === 'null' && schema.anyOf !== undefined) return null;
  switch (withoutNull(schema).type) {
    case 'integer':
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return { true: true, 1: true, false: false, 0: false }[text] ?? text;
    case 'object':
      return parseJson(text);
    case 'array':
      return text.startsWith('[')
        ? parseJson(text)
        : text
            .split(',')
            .map((one) => one.trim())
            .filter(Boolean);
    default:
      return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Takes `REDIS_URL` to `redisAdapter`: `redis://[user:password@]host[:port][/db]`, `rediss://` for TLS,
 * `redis+sentinel://a:26379,b:26379/name`, `redis+cluster://a:7000,b:7001`.
 */
export function parseRedisUrl(text: string): Record<string, unknown> | ConfigProblem {
  const match = /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]+)(?:\/([^?#]*))?$/.exec(
    text,
  );
  const [, scheme, kind = 'single', user, secret, hosts = '', rest = ''] = match ?? [];
  const username = decodePercent(user ?? '');
  const password = decodePercent(secret ?? '');
  const place = parsePlace(kind, hosts, rest);
  if (username === undefined || password === undefined || place === undefined) {
    return {
      source: 'environment variable REDIS_URL',
      key: 'redisAdapter',
      found: 'an address that cannot be read',
      wanted: 'redis://[user:password@]host[:port][/db], or rediss://, redis+sentinel://, redis+cluster://',
    };
  }
  return {
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(scheme === 'rediss' ? { tls: true } : {}),
    ...place,
  };
}

/** Where Redis is; `undefined` where that cannot be read. */
function parsePlace(kind: string, hosts: string, rest: string): Record<string, unknown> | undefined {
  const addresses = hosts.split(',').map((one) => parseAddress(one, kind === '+sentinel' ? 26379 : 6379));
  const [first] = addresses;
  if (first === undefined || addresses.includes(undefined)) return undefined;
  if (kind === '+sentinel') return { sentinels: addresses, ...(rest === '' ? {} : { sentinelName: rest }) };
  if (!/^\d*$/.test(rest)) return undefined;
  if (kind === '+cluster') return { cluster: addresses };
  return addresses.length > 1 ? undefined : { ...first, ...(rest === '' ? {} : { db: Number(rest) }) };
}

function parseAddress(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(text);
  if (match?.[1] === undefined) return undefined;
  return { host: match[1].replace(/^\[|\]$/g, ''), port: match[2] === undefined ? defaultPort : Number(match[2]) };
}
