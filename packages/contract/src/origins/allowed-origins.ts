import { isIP } from 'node:net';
import {
  isLocalHost,
  isLocalOrigin,
  isPublicHost,
  type PageOrigin,
  readHost,
  readOrigin,
  writeOrigin,
} from './origin.ts';

/** An entry that can never match, and what to write instead. */
export interface OriginFault {
  readonly wanted: string;
}

const example = '"https://app.example.com"';

/**
 * Converts an entry of a list of origins to the form in which it can match: `*`, an origin as browsers write it, or such an origin with
 * `*.` before its host. Without a scheme it is `https`, and `http` for names of this machine.
 */
export function parseOriginEntry(entry: string): string | OriginFault {
  const text = entry.trim();
  if (text === '*') return text;
  if (text.toLowerCase() === 'null') {
    return {
      wanted: `an origin such as ${example}: any site can send the origin null, so only "*" allows it`,
    };
  }
  const [, given, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([\s\S]*)$/i.exec(text) ?? [];
  const isWild = rest.startsWith('*.');
  const place = isWild ? rest.slice(2) : rest;
  if (place.includes('*')) {
    return { wanted: 'an origin with * only as the first label of the host, such as "https://*.example.com"' };
  }
  const named = readHost(place.replace(/\/$/, ''));
  const scheme = given ?? (named !== undefined && isLocalHost(named.host) ? 'http' : 'https');
  const origin = readOrigin(`${scheme}://${place}`);
  if (origin === undefined) return { wanted: withoutPath(scheme, isWild, place) };
  if (!isWild) return origin.text;
  if (isIP(origin.host) !== 0 || !/^[^[]/.test(origin.host)) return { wanted: 'an origin with a name after "*."' };
  return writeOrigin(origin.scheme, `*.${origin.host}`, origin.port);
}

/** What to write instead of an entry that is not an origin: for a longer URL, its origin. */
function withoutPath(scheme: string, isWild: boolean, place: string): string {
  const [authority = ''] = place.split(/[/?#]/);
  const origin = authority === place ? undefined : readOrigin(`${scheme}://${authority}`);
  if (origin === undefined) return `an origin of scheme, host and optional port, such as ${example}`;
  const host = isWild ? `*.${origin.host}` : origin.host;
  return `an origin without a path: "${writeOrigin(origin.scheme, host, origin.port)}"`;
}

/** Says whether pages of an origin may connect. */
export interface AllowedOrigins {
  /** Whether pages of any origin may connect, even opaque ones. */
  readonly any: boolean;
  /** Whether pages of opaque origins (`null`) may connect. */
  readonly none: boolean;
  /** @param hosts - names by which the client may reach the server */
  lists(origin: PageOrigin, hosts: readonly string[]): boolean;
}

/** Whether pages of localhost may connect, on any port; `unless-public`: only to a server that is not reached by a public DNS name. */
type LocalPages = 'yes' | 'no' | 'unless-public';

/**
 * Prepares a list of origins.
 *
 * @param entries - as {@link parseOriginEntry} gives them
 */
function createAllowedOrigins(entries: readonly string[], local: LocalPages): AllowedOrigins {
  const any = entries.includes('*');
  const exact = new Set(entries);
  const wild = entries.filter((entry) => entry.includes('://*.')).map((entry) => entry.split('*') as [string, string]);
  return {
    any,
    none: entries.length === 0 && local === 'no',
    lists(origin, hosts) {
      const { text } = origin;
      if (any || exact.has(text)) return true;
      if (local !== 'no' && isLocalOrigin(origin) && (local === 'yes' || !hosts.some(isPublicHost))) return true;
      return wild.some(
        ([start, end]) => text.startsWith(start) && text.endsWith(end) && text.length > start.length + end.length,
      );
    },
  };
}

/** Values of `access.localhostOrigins`. */
export const localhostOriginsNames = ['development', 'always', 'never'] as const;

/** Settings that concern pages of localhost. */
interface LocalhostSetting {
  readonly localhostOrigins: (typeof localhostOriginsNames)[number];
}

/**
 * Says which pages may connect, besides those of the server's own origin.
 *
 * @param entries - origins, as the settings list them
 * @param variables - of the environment, whose `GOPUSH_ENV` or `NODE_ENV` tells whether this is development
 */
export function openPages(
  entries: readonly string[],
  { localhostOrigins }: LocalhostSetting,
  variables: Readonly<Record<string, string | undefined>>,
): AllowedOrigins {
  return createAllowedOrigins(
    entries,
    localhostOrigins === 'development'
      ? inEnvironment(variables.GOPUSH_ENV || variables.NODE_ENV || 'local')
      : byWord[localhostOrigins],
  );
}

const byWord = { always: 'yes', never: 'no' } as const;

/** `local` is the default environment, so a production deployment may run as `local`, too. */
function inEnvironment(environment: string): LocalPages {
  if (environment === 'local') return 'unless-public';
  return environment === 'dev' || environment === 'development' ? 'yes' : 'no';
}

/**
 * Settings in which the environment that a program names for its hooks decides over pages of this machine, rather than the variables.
 *
 * @param hooks - hooks, or where they are and for which environment
 */
export function settleLocalPages<C extends { readonly access: LocalhostSetting }>(config: C, hooks: unknown): C {
  const { environment } = (hooks ?? {}) as { readonly environment?: unknown };
  if (typeof environment !== 'string' || config.access.localhostOrigins !== 'development') return config;
  const local = inEnvironment(environment);
  if (local === 'unless-public') return config;
  return { ...config, access: { ...config.access, localhostOrigins: local === 'yes' ? 'always' : 'never' } };
}
