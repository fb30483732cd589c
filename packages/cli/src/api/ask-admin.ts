import type { Config } from '@gopush/contract';
import { CommandError } from '../command-error.ts';
import { loadProject, type ProjectOptions } from '../project.ts';

/** How long an admin listener may take to respond, in milliseconds. */
const patienceMs = 5_000;

/** Options of commands that ask an admin listener. */
export interface AdminOptions extends ProjectOptions {
  /** URL of an admin listener, as given by `--admin`; absent: those of this machine, from the settings. */
  readonly admin?: string | undefined;
}

/**
 * Asks the first admin listener that responds: any node shows the whole cluster.
 *
 * @param path - such as `/cluster`
 * @param accept - the media type that is wanted
 * @returns its response, whose status is 200
 * @throws CommandError with exit code 2 where no listener is configured, with 1 where none responds or it refuses
 */
export async function askAdmin(
  path: string,
  options: AdminOptions,
  accept = 'application/json',
  signal?: AbortSignal,
): Promise<Response> {
  const urls = options.admin === undefined ? urlsOf((await loadProject(options)).config) : [readUrl(options.admin)];
  const problems: string[] = [];
  for (const url of urls) {
    const response = await askOne(`${url}${path}`, accept, signal).catch((error: Error) => {
      problems.push(`${url}: ${reasonOf(error)}`);
    });
    if (response === undefined) continue;
    if (response.status === 200) return response;
    throw new CommandError(1, `${url}${path} responded ${response.status}: ${oneLine(await response.text())}`);
  }
  throw new CommandError(1, `no admin listener responds: is gopush running? ${problems.slice(0, 3).join('; ')}`);
}

async function askOne(url: string, accept: string, signal?: AbortSignal): Promise<Response> {
  // Only the headers have a deadline: a stream goes on.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no response within ${patienceMs} ms`)), patienceMs);
  try {
    return await fetch(url, {
      headers: { accept },
      redirect: 'manual',
      signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The admin listeners of this machine: the first process of each tier, then the others. */
function urlsOf({ admin, agentWorkers, serverWorkers }: Config): string[] {
  if (admin === null) {
    throw new CommandError(2, 'admin: found null, wanted an admin listener; set admin: {}, or use --admin <url>');
  }
  const { host, agentPort, serverPort } = admin;
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  const ports = (first: number, workers: number): number[] =>
    first === 0 ? [] : Array.from({ length: Math.max(1, workers) }, (_, index) => first + index);
  const [agents, servers] = [ports(agentPort, agentWorkers), ports(serverPort, serverWorkers)];
  const all = [...agents.slice(0, 1), ...servers.slice(0, 1), ...agents.slice(1), ...servers.slice(1)];
  if (all.length > 0) return all.map((port) => `http://${name}:${port}`);
  throw new CommandError(2, 'admin.agentPort and admin.serverPort: found 0, wanted ports; or use --admin <url>');
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
