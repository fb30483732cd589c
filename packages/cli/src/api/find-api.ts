import { isIPv6 } from 'node:net';
import type { ApiScope, Config } from '@gopush/contract';
import { urlOf } from '@gopush/service';
import { CommandError } from '../command-error.ts';
import { loadProject, type ProjectOptions } from '../project.ts';

/** URL of the HTTP API, and the key. */
export interface ApiAccess {
  /** Without a slash at its end. */
  readonly url: string;
  readonly key: string;
  /** Whose rooms and users are meant; absent: the API decides. */
  readonly product?: string | undefined;
}

/** Options of commands that use the API. */
export interface ApiOptions extends ProjectOptions {
  /** As given by `--url`; absent: the first push-server of the project. */
  readonly url?: string | undefined;
  /** As given by `--key` or `GOPUSH_API_KEY`; absent: the first of the project that has the scope. */
  readonly key?: string | undefined;
  /** As given by `--product`. */
  readonly product?: string | undefined;
}

/**
 * Finds the API of a project. Settings are read only for options that are missing, so that no project is needed if both are set.
 *
 * @throws CommandError with exit code 2 if something is missing or wrong
 */
export async function findApi(scope: ApiScope, { url, key, product, ...project }: ApiOptions): Promise<ApiAccess> {
  // A variable that is set to nothing is meant as none.
  const givenKey = key === '' ? undefined : key;
  if (url !== undefined && givenKey !== undefined) return { url: readUrl(url), key: givenKey, product };
  const { config } = await loadProject(project);
  return {
    url: url === undefined ? urlOfFirst(config) : readUrl(url),
    key: givenKey ?? keyOf(config, scope),
    product,
  };
}

/** The message does not quote the URL, which may contain a password. */
function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url === undefined || !isPlain || !/^https?:$/.test(url.protocol)) {
    throw new CommandError(2, '--url: wanted http:// or https://, a host, and optionally a port and a path');
  }
  return url.href.replace(/\/+$/, '');
}

function urlOfFirst({ pushServer, serverPortStart }: Config): string {
  if (serverPortStart === 0) {
    throw new CommandError(2, 'serverPortStart: found 0, wanted the port of the first push-server; or use --url');
  }
  const address = pushServer.host ?? '::';
  return urlOf({ address, family: isIPv6(address) ? 'IPv6' : 'IPv4', port: serverPortStart });
}

function keyOf({ api }: Config, scope: ApiScope): string {
  const found = api.keys.find(({ scopes }) => scopes.includes(scope));
  if (found !== undefined) return found.key;
  throw new CommandError(
    2,
    `api.keys: found no key with the scope ${scope}, wanted one; or use --key or GOPUSH_API_KEY`,
  );
}
