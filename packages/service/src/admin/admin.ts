import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { drainHttp } from '../drain-http.ts';
import { FairPlaces } from '../fair-places.ts';
import type { Lifetime } from '../lifetime.ts';
import { createLimitedWarning } from '../limited-warning.ts';
import { type ListenSettings, listen, urlOf } from '../listen.ts';
import type { Metrics } from '../metrics.ts';
import { useOriginForm } from '../origin-form.ts';
import { serveUpgrades } from '../serve-upgrades.ts';
import { AdminAccess, type AdminKey, type Caller, type Denial } from './access.ts';
import { type AdminRoute, respondText } from './admin-route.ts';
import { whyForeign } from './foreign.ts';
import { type OwnRoutesOptions, ownRoutes } from './own-routes.ts';

/** Options of an admin listener. */
export interface AdminOptions extends OwnRoutesOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Name of the port's setting, with the number added to it, for messages. @defaultValue none */
  readonly setting?: Pick<ListenSettings, 'port' | 'offset'>;
  /** How long a connection stays open without a request, in milliseconds. @defaultValue 75 s */
  readonly keepAliveMs?: number;
  /** Largest headers of a request, in bytes. @defaultValue 16 KiB */
  readonly maxHeaderBytes?: number;
  /** Most connections; beyond that, the address with most of them loses its oldest one. @defaultValue 1000 */
  readonly maxConnections?: number;
  readonly metrics: Metrics;
  /** Public DNS names of the machine that requests may use. @defaultValue none */
  readonly allowedHosts?: readonly string[];
  /** Keys with which requests may come from other machines, and change something. @defaultValue none */
  readonly keys?: readonly AdminKey[];
  /** Further paths by method and path, such as `GET /cluster`; those of `GET` serve `HEAD` as well. @defaultValue none */
  readonly routes?: Readonly<Record<string, AdminRoute>>;
}

/** A running admin listener. */
export interface Admin {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the listener for operators: `/livez`, `/readyz` (`?verbose` names each check), `/metrics`, `/state`, and `PUT /log-level`. Programs of this
 * machine may read without a key; they may also change something while there are no keys.
 *
 * @throws ListenError if the port cannot be listened on
 */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { keepAliveMs = 75_000, maxHeaderBytes = 16_384, maxConnections = 1_000 } = options;
  const limits = { keepAliveTimeout: keepAliveMs, maxHeaderSize: maxHeaderBytes, requestTimeout: 10_000 };
  const server = createServer(limits);
  boundConnections(server, maxConnections);
  serveRoutes(server, options);
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
  {
    admin,
  }: {
    readonly admin: {
      readonly host: string;
      readonly allowedHosts: readonly string[];
      readonly keys: readonly AdminKey[];
    } | null;
  },
  options: Omit<AdminOptions, 'host' | 'allowedHosts' | 'keys'>,
  opened: Lifetime['opened'],
): Promise<Admin | undefined> {
  if (admin === null) return undefined;
  const { host, allowedHosts, keys } = admin;
  const started = await startAdmin({ ...options, host, allowedHosts, keys });
  opened('admin listener', started.close);
  return started;
}

/** The descriptors of the process are for its clients as well. */
function boundConnections(server: Server, most: number): void {
  const places = new FairPlaces<Socket>(most, true);
  server.prependListener('connection', (socket: Socket) => {
    socket.once('close', () => places.leave(socket));
    places.enter(socket, socket.remoteAddress ?? '', (lost) => lost.destroy());
  });
}

function serveRoutes(server: Server, options: AdminOptions): void {
  const { host, allowedHosts = [], keys = [], log } = options;
  const routes: Readonly<Record<string, AdminRoute>> = { ...ownRoutes(options), ...options.routes };
  const access = new AdminAccess(keys);
  const refuseForeign = createForeignRefusal(options);
  const deny = createDenial(options);
  const paths = Object.keys(routes).map((route) => route.replace('GET ', ''));
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const foreign = whyForeign(request, [host, ...allowedHosts]);
    if (foreign !== undefined) return refuseForeign(response, foreign);
    const [path = ''] = (request.url ?? '/').split('?', 1);
    const ask = `${request.method === 'HEAD' ? 'GET' : request.method} ${path}`;
    const route = Object.hasOwn(routes, ask) ? routes[ask] : undefined;
    const caller = access.admit(request, route?.needs ?? 'read');
    if ('status' in caller) return deny(request, response, caller);
    if (route === undefined) return respondText(response, 404, `paths: ${paths.join(', ')}\n`);
    if (!ask.startsWith('GET ')) log.info({ by: caller.name, from: caller.address, action: ask }, 'admin action');
    serve(route, request, response, caller).catch((error: unknown) => {
      // A client that leaves within its request is no fault of this process.
      const write = request.complete ? log.error : log.debug;
      write({ err: error }, 'the admin listener failed');
      response.destroy();
    });
  });
}

/** An async function, so that a route that throws rejects. */
async function serve(
  route: AdminRoute,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
): Promise<void> {
  await route.serve(request, response, caller);
}

/** Responds to requests that lack a right, or come too often. */
function createDenial({
  metrics,
  log,
}: AdminOptions): (request: IncomingMessage, response: ServerResponse, denial: Denial) => void {
  const denials = metrics.counter(
    'admin_denials_total',
    'Requests denied by the admin listener, by why: no key, wrong key, too many.',
    ['why'],
  );
  const warn = createLimitedWarning(log);
  return ({ socket }, response, { status, why, text }) => {
    denials.inc({ why });
    if (why === 'wrong key') warn({ from: socket.remoteAddress }, 'a wrong key was sent to the admin listener');
    const more = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
    respondText(response, status, `${text}\n`, more);
  };
}

/** Refuses requests that a page of another origin may have sent. The page may repeat them as often as it likes; they are logged once. */
function createForeignRefusal({ metrics, log }: AdminOptions): (response: ServerResponse, why: string) => void {
  const refusals = metrics.counter(
    'admin_refusals_total',
    'Requests refused by the admin listener because a page of another origin may have sent them.',
  );
  let isKnown = false;
  return (response, why) => {
    refusals.inc();
    const write = isKnown ? log.debug : log.warn;
    isKnown = true;
    write({ problem: why }, 'the admin listener refused a request that a page of another origin may have sent');
    respondText(response, 403, `${why}\n`);
  };
}
