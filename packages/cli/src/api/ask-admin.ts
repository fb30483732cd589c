import type { Config } from '@gopush/contract';
import { CommandError } from '../command-error.ts';
import { loadProject, type ProjectOptions } from '../project.ts';
import { adminUrls } from './admin-urls.ts';
import { checkKey } from './check-key.ts';

/** How long an admin listener may take to respond, in milliseconds. */
const patienceMs = 5_000;

/** Options of commands that ask an admin listener. */
export interface AdminOptions extends ProjectOptions {
  /** URL of an admin listener, as given by `--admin`; absent: those of this machine, from the settings. */
  readonly admin?: string | undefined;
  /** As given by `--admin-key` or `GOPUSH_ADMIN_KEY`; absent: the first of `admin.keys`, for the listeners of the settings alone. */
  readonly adminKey?: string | undefined;
}

/** A request to an admin listener. */
export interface AdminRequest {
  /** Such as `/cluster`. */
  readonly path: string;
  /** The media type that is wanted. @defaultValue `application/json` */
  readonly accept?: string;
  /** Whether only agents can respond. @defaultValue any node can */
  readonly isForAgents?: boolean;
  readonly signal?: AbortSignal;
}

/** Where to ask, and with which key. */
interface Access {
  readonly urls: readonly string[];
  readonly key: string | undefined;
}

/**
 * Asks the first admin listener that responds: any node shows the whole cluster.
 *
 * @returns its response, whose status is 200
 * @throws CommandError with exit code 2 if no listener is configured, with 1 if none responds or it refuses
 */
export async function askAdmin(request: AdminRequest, options: AdminOptions): Promise<Response> {
  const { urls, key } = await findAccess(request, options);
  const problems: string[] = [];
  for (const url of urls) {
    const response = await askOne(url, key, request).catch((error: Error) => {
      problems.push(`${url}: ${reasonOf(error)}`);
    });
    if (response === undefined) continue;
    if (response.status === 200) return response;
    const { pathname } = new URL(request.path, url);
    throw new CommandError(1, `${url}${pathname} responded ${response.status}: ${oneLine(await response.text())}`);
  }
  throw new CommandError(1, `no admin listener responds: is gopush running? ${problems.slice(0, 3).join('; ')}`);
}

/** A key of the settings is for the listeners of the settings, and not for any address that is given. */
async function findAccess({ isForAgents = false }: AdminRequest, options: AdminOptions): Promise<Access> {
  const given =
    options.adminKey === '' || options.adminKey === undefined ? undefined : checkKey(options.adminKey, 'the admin key');
  if (options.admin !== undefined) return { urls: [readUrl(options.admin)], key: given };
  const { config } = await loadProject(options);
  return { urls: foundIn(config, isForAgents), key: given ?? keyOf(config) };
}

function keyOf({ admin }: Config): string | undefined {
  const [first] = admin?.keys ?? [];
  return first && checkKey(first.key, 'admin.keys.0.key');
}

function foundIn(config: Config, isForAgents: boolean): readonly string[] {
  if (config.admin === null) {
    throw new CommandError(2, 'admin: found null, wanted an admin listener; set admin: {}, or use --admin <url>');
  }
  const urls = adminUrls(config, isForAgents);
  if (urls.length > 0) return urls;
  throw new CommandError(2, 'admin.agentPort and admin.serverPort: found 0, wanted ports; or use --admin <url>');
}

async function askOne(
  url: string,
  key: string | undefined,
  { path, accept = 'application/json', signal }: AdminRequest,
): Promise<Response> {
  // Only the headers have a deadline: a stream has no end.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no response within ${patienceMs} ms`)), patienceMs);
  try {
    return await fetch(`${url}${path}`, {
      headers: { accept, ...(key === undefined ? {} : { 'x-api-key': key }) },
      redirect: 'manual',
      signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]),
    });
  } finally {
    clearTimeout(timer);
  }
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new CommandError(2, '--admin: wanted http:// or https://, a host and a port, such as http://127.0.0.1:9600');
  }
  return url.href.replace(/\/+$/, '');
}

function reasonOf({ message, cause }: Error): string {
  const { message: inner, code } = (cause ?? {}) as NodeJS.ErrnoException;
  return oneLine(code === 'ECONNREFUSED' ? 'nothing listens there' : inner || code || message);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}
