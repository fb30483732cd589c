import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { drainHttp } from './drain-http.ts';
import type { Lifetime } from './lifetime.ts';
import { type ListenSettings, listen, urlOf } from './listen.ts';
import type { LeveledLogger, Logger } from './logger.ts';
import { isLogLevel, logLevels } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { useOriginForm } from './origin-form.ts';
import { isOwnHost } from './own-host.ts';
import { serveUpgrades } from './serve-upgrades.ts';

/** A readiness check: `true`, or the reason why the process is not ready. */
export type Check = () => true | string;

/** Serves one path of an admin listener. */
export type ServePath = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Options of an admin listener. */
export interface AdminOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Name of the port's setting, with the number added to it, for messages. @defaultValue none */
  readonly setting?: Pick<ListenSettings, 'port' | 'offset'>;
  /** How long a connection stays open without a request, in milliseconds. @defaultValue 75 s */
  readonly keepAliveMs?: number;
  /** Largest headers of a request, in bytes. @defaultValue 16 KiB */
  readonly maxHeaderBytes?: number;
  /** Readiness checks by name. `/readyz` succeeds if all of them do. */
  readonly checks: Readonly<Record<string, Check>>;
  readonly metrics: Metrics;
  /** Returns the JSON of `/state`. */
  readonly state: () => unknown;
  readonly log: Logger;
  /** Public DNS names of the machine that requests may use. @defaultValue none */
  readonly allowedHosts?: readonly string[];
  /** Further paths by method and path, such as `GET /cluster`; those of `GET` serve `HEAD` as well. Each responds by itself. @defaultValue none */
  readonly routes?: Readonly<Record<string, ServePath>>;
  /** Further actions by method and path, such as `PUT /drain`. Each returns a line for people. @defaultValue none */
  readonly actions?: Readonly<Record<string, () => string | Promise<string>>>;
}

/** A running admin listener. */
export interface Admin {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the listener for operators: `/livez`, `/readyz` (`?verbose` names each check), `/metrics`, `/state`, and `PUT /log-level`. It trusts
 * every program that can reach it, so it must not be reachable by clients.
 *
 * @throws ListenError if the port cannot be listened on
 */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const refusals = options.metrics.counter(
    'admin_refusals_total',
    'Requests refused by the admin listener because a page of another origin may have sent them.',
  );
  let isKnown = false;
  const { keepAliveMs = 75_000, maxHeaderBytes = 16_384 } = options;
  const limits = { keepAliveTimeout: keepAliveMs, maxHeaderSize: maxHeaderBytes, requestTimeout: 10_000 };
  const server = createServer(limits, (request, response) => {
    const foreign = whyForeign(request, options);
    if (foreign !== undefined) {
      refusals.inc();
      // A page may repeat the request as often as it likes; it is logged once.
      const log = isKnown ? options.log.debug : options.log.warn;
      isKnown = true;
      log({ problem: foreign }, 'the admin listener refused a request that a page of another origin may have sent');
      text(response, 403, `${foreign}\n`);
      return;
    }
    answer(request, response, options).catch((error: unknown) => {
      options.log.error({ err: error }, 'the admin listener failed');
      response.destroy();
    });
  });
  server.on('upgrade', serveUpgrades(server));
  useOriginForm(server);
  const { host, port, setting } = options;
  // Workers of a cluster would share a free port as well.
  const settings = setting === undefined ? undefined : { ...setting, host: 'admin.host' };
  const address = await listen(server, { host, port, exclusive: port === 0 }, settings);
  let closing: Promise<void> | undefined;
  return { url: urlOf(address), close: () => (closing ??= drainHttp(server, 0)) };
}

/**
 * Starts the admin listener if it is configured.
 *
 * @returns `undefined` if it is not
 */
export async function openAdmin(
  { admin }: { readonly admin: { readonly host: string; readonly allowedHosts: readonly string[] } | null },
  options: Omit<AdminOptions, 'host' | 'allowedHosts'>,
  opened: Lifetime['opened'],
): Promise<Admin | undefined> {
  if (admin === null) return undefined;
  const started = await startAdmin({ ...options, host: admin.host, allowedHosts: admin.allowedHosts });
  opened('admin listener', started.close);
  return started;
}

async function answer(request: IncomingMessage, response: ServerResponse, options: AdminOptions): Promise<void> {
  const [path = '', query] = (request.url ?? '/').split('?', 2);
  const ask = `${request.method === 'HEAD' ? 'GET' : request.method} ${path}`;
  switch (ask) {
    case 'GET /livez':
      return text(response, 200, 'ok\n');
    case 'GET /readyz':
      return readiness(response, options.checks, new URLSearchParams(query).has('verbose'));
    case 'GET /metrics': {
      const { text: body, type } = await options.metrics.read();
      return text(response, 200, body, type);
    }
    case 'GET /state':
      return text(response, 200, `${JSON.stringify(options.state(), undefined, 2)}\n`, 'application/json');
    case 'PUT /log-level':
      return changeLevel(request, response, options.log);
    default: {
      const { actions = {}, routes = {} } = options;
      const serve = Object.hasOwn(routes, ask) ? routes[ask] : undefined;
      if (serve !== undefined) return serve(request, response);
      const act = Object.hasOwn(actions, ask) ? actions[ask] : undefined;
      if (act !== undefined) return text(response, 200, `${await act()}\n`);
      const more = [
        ...Object.keys(routes).map((route) => route.replace('GET ', '')),
        'PUT /log-level',
        ...Object.keys(actions),
      ].join(', ');
      return text(response, 404, `paths: /livez, /readyz, /metrics, /state, ${more}\n`);
    }
  }
}

/**
 * Returns why a request may come from a page in a browser on this machine or in this network; `undefined`: it does not. Pages can send requests
 * here as any program can, to our address or to a name of their own that points here.
 */
function whyForeign(
  { headers, method, url }: IncomingMessage,
  { host: listensOn, allowedHosts = [] }: AdminOptions,
): string | undefined {
  const { host, origin, 'sec-fetch-site': site } = headers;
  // Load balancers and supervisors use all kinds of names, and learn no more than one bit.
  const isProbe = method === 'GET' && /^\/(livez|readyz)$/.test(url ?? '');
  if (!isProbe && !isOwnHost(host, [listensOn, ...allowedHosts])) {
    return `Host: found ${host}, wanted an address, a private name, or one of admin.allowedHosts`;
  }
  if (origin !== undefined && origin.replace(/^https?:\/\//, '') !== host) {
    return `Origin: found ${origin}, wanted none, or that of the admin listener`;
  }
  if (site === undefined || site === 'none' || site === 'same-origin') return undefined;
  return `Sec-Fetch-Site: found ${site}, wanted none, or a page of the admin listener itself`;
}

function readiness(response: ServerResponse, checks: AdminOptions['checks'], verbose: boolean): void {
  const results = Object.entries(checks).map(([name, check]) => [name, check()] as const);
  const ready = results.every(([, result]) => result === true);
  const lines = results.map(
    ([name, result]) => `${result === true ? '[+]' : '[-]'} ${name}${result === true ? ' ok' : `: ${result}`}\n`,
  );
  const summary = ready ? 'ready\n' : 'not ready\n';
  text(response, ready ? 200 : 503, verbose || !ready ? lines.join('') + summary : summary);
}

async function changeLevel(request: IncomingMessage, response: ServerResponse, log: Logger): Promise<void> {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 100) return text(response, 413, 'too long\n');
  }
  const level = body.trim();
  if (!isLogLevel(level))
    return text(response, 400, `found ${JSON.stringify(level)}, wanted one of ${logLevels.join(', ')}\n`);
  if (!('level' in log)) return text(response, 501, 'the level of this logger cannot be changed\n');
  (log as LeveledLogger).level = level;
  log.info({ level }, 'log level changed');
  text(response, 200, `${level}\n`);
}

function text(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}
