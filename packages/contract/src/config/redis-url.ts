import { decodePercent } from '../reading/decode-percent.ts';
import type { ConfigProblem } from './problem.ts';

/** What kind of Redis a scheme names. */
type Kind = 'single' | 'sentinel' | 'cluster' | 'unix';

/** The URL schemes of Redis clients (ioredis, Lettuce, redis-py, Jedis, Spring and others), which differ. */
const schemes: Readonly<Record<string, { readonly kind: Kind; readonly tls?: true }>> = {
  redis: { kind: 'single' },
  rediss: { kind: 'single', tls: true },
  'redis+tls': { kind: 'single', tls: true },
  'redis+ssl': { kind: 'single', tls: true },
  'redis+sentinel': { kind: 'sentinel' },
  'redis-sentinel': { kind: 'sentinel' },
  'rediss+sentinel': { kind: 'sentinel', tls: true },
  'rediss-sentinel': { kind: 'sentinel', tls: true },
  'redis+cluster': { kind: 'cluster' },
  'redis-cluster': { kind: 'cluster' },
  'rediss+cluster': { kind: 'cluster', tls: true },
  'rediss-cluster': { kind: 'cluster', tls: true },
  'redis+unix': { kind: 'unix' },
  'redis-socket': { kind: 'unix' },
  'redis+socket': { kind: 'unix' },
  unix: { kind: 'unix' },
};

/** The forms of an address, for messages. */
const forms: Readonly<Record<Kind, string>> = {
  single: 'redis://[user:password@]host[:port][/db], rediss:// with TLS',
  sentinel: 'redis+sentinel://[user:password@]host[:port][,host[:port]…]/name[/db], rediss+sentinel:// with TLS',
  cluster: 'redis+cluster://[user:password@]host[:port][,host[:port]…], rediss+cluster:// with TLS',
  unix: 'redis+unix:///path/of/socket[?db=1]',
};

/** Query parameters, and the settings that they set. */
const parameters: Readonly<Record<string, string>> = {
  db: 'db',
  database: 'db',
  sentinelMasterId: 'sentinelName',
  sentinelName: 'sentinelName',
  sentinelUsername: 'sentinelUsername',
  sentinelPassword: 'sentinelPassword',
};

/** A problem with an address. The message never contains a part that may be secret. */
class UrlFault extends Error {
  readonly wanted: string;

  constructor(found: string, wanted: string) {
    super(found);
    this.wanted = wanted;
  }
}

/** The settings that an address replaces. */
const placeKeys = ['host', 'port', 'path', 'db', 'tls', 'sentinels', 'sentinelName', 'cluster'];

/**
 * Converts the address of a Redis to settings. Settings that an address does not have keep their values: prefix, fan-out,
 * certificates, and user and password if the address has neither.
 *
 * @param given - `redisAdapter` from the files
 * @param source - where the address comes from
 */
export function applyRedisUrl(text: string, given: unknown, source: string): Record<string, unknown> | ConfigProblem {
  try {
    const parsed = parseRedisUrl(text.trim());
    const rest: Record<string, unknown> = typeof given === 'object' && given !== null ? { ...given } : {};
    for (const key of placeKeys) delete rest[key];
    if ('username' in parsed || 'password' in parsed) {
      delete rest.username;
      delete rest.password;
    }
    return { ...rest, ...parsed };
  } catch (error) {
    if (!(error instanceof UrlFault)) throw error;
    const { message, wanted } = error;
    return { source, key: 'redisAdapter', found: `an invalid address: ${message}`, wanted };
  }
}

function parseRedisUrl(text: string): Record<string, unknown> {
  const [, name, rest = ''] = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new UrlFault('it has no scheme', Object.values(forms).join(', or '));
  const scheme = Object.hasOwn(schemes, name.toLowerCase()) ? schemes[name.toLowerCase()] : undefined;
  if (scheme === undefined) throw new UrlFault(`${name} is not a scheme of Redis`, Object.values(forms).join(', or '));
  const { kind, tls } = scheme;
  const fail = (found: string): never => {
    throw new UrlFault(found, forms[kind]);
  };
  // An unescaped character in a password ends the authority early; the host or port is then invalid.
  const [, authority = '', path = '', query = '', fragment = ''] =
    /^([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(rest) ?? [];
  if (fragment !== '') fail('it has a "#"; in a password write %23');
  const at = authority.lastIndexOf('@');
  return {
    ...readUser(at === -1 ? undefined : authority.slice(0, at), fail),
    ...(tls ? { tls } : {}),
    ...readPlace(kind, authority.slice(at + 1), path, fail),
    ...readQuery(query.slice(1), kind, fail),
  };
}

type Fail = (found: string) => never;

function readUser(userInfo: string | undefined, fail: Fail): Record<string, unknown> {
  if (userInfo === undefined || userInfo === '') return {};
  const colon = userInfo.indexOf(':');
  if (colon === -1) return fail('it has a user without a password; for a password alone write :password@host');
  const username = decodePercent(userInfo.slice(0, colon));
  const password = decodePercent(userInfo.slice(colon + 1));
  if (username === undefined || password === undefined) return fail('user or password has a bare "%"; write %25');
  return { ...(username === '' ? {} : { username }), password };
}

function readPlace(kind: Kind, hosts: string, path: string, fail: Fail): Record<string, unknown> {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => decodePercent(part) ?? fail('its path has a bare "%"; write %25'));
  while (parts.at(-1) === '') parts.pop();
  if (kind === 'unix') {
    if (hosts !== '' || parts.length === 0) return fail('it has no socket path; the path begins with a third "/"');
    return { path: `/${parts.join('/')}` };
  }
  const addresses = hosts.split(',').map((one) => readAddress(one, kind === 'sentinel' ? 26379 : 6379, fail));
  const [first, second] = parts;
  switch (kind) {
    case 'single':
      if (addresses.length > 1)
        return fail('it has several hosts; use redis+sentinel:// for sentinels, redis+cluster:// for a cluster');
      if (second !== undefined) return fail('it has more than one part in its path');
      return { ...addresses[0], ...readDb(first, fail) };
    case 'cluster':
      if (second !== undefined || (first ?? '0') !== '0')
        return fail('it names a database; a cluster has only database 0');
      return { cluster: addresses };
    case 'sentinel':
      return { sentinels: addresses, ...readMaster(parts, fail) };
  }
}

/** Name and database of the master. Lettuce puts only the database there, and the name in the query. */
function readMaster([first, second, ...more]: readonly string[], fail: Fail): Record<string, unknown> {
  if (more.length > 0) return fail('it has more than two parts in its path');
  if (first === undefined) return {};
  if (!/^\d+$/.test(first)) return { sentinelName: first, ...readDb(second, fail) };
  if (second !== undefined) return fail('the name of its master is a number; the name comes before the database');
  return readDb(first, fail);
}

function readDb(text: string | undefined, fail: Fail): { db?: number } {
  if (text === undefined) return {};
  if (!/^\d{1,6}$/.test(text)) return fail('its database is not a number');
  return { db: Number(text) };
}

function readAddress(text: string, defaultPort: number, fail: Fail): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+(?:%[\w.]+)?\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === undefined) {
    return fail(
      'a host or port is missing or invalid; in a password write %2F, %3F, %23 and %40 for "/", "?", "#" and "@"',
    );
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: port === undefined ? defaultPort : Number(port) };
}

function readQuery(query: string, kind: Kind, fail: Fail): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const key = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (
      key === undefined ||
      (key.startsWith('sentinel') && kind !== 'sentinel') ||
      (key === 'db' && kind === 'cluster')
    ) {
      return fail(`it has the unknown parameter ${name.slice(0, 40)}; use the settings of redisAdapter instead`);
    }
    Object.assign(settings, key === 'db' ? readDb(value, fail) : { [key]: value });
  }
  return settings;
}
