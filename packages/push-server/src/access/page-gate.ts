import type { Server as HttpServer, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import {
  allowReading,
  allowSending,
  type Config,
  type Failure,
  isForApi,
  isForEngine,
  isPreflight,
  openPages,
  printable,
  vouchHeader,
  whyRefused,
} from '@gopush/contract';
import { expectsUnknown, isOwnHost, serveUpgrades, type UpgradeListener } from '@gopush/service';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { refuse } from '../http/respond.ts';

/** Says why a request may not come in; `undefined`: it may. */
type PageGate = (headers: Readonly<IncomingHttpHeaders>) => Failure | undefined;

/**
 * Keeps pages of other origins out, which reach whatever their visitor's machine can reach, this push-server among it. Agents vouch for the
 * pages of the requests that they forward. Programs name no page and come in.
 *
 * Without secrets the name by which a request asks for us counts as well: a page whose name in DNS is pointed here is no other origin to the
 * browser. With secrets such a page is nobody.
 */
function createPageGate({ pushServer, access }: Config): PageGate {
  const { allowedOrigins } = pushServer;
  const pages = openPages(allowedOrigins, access, process.env);
  const own = [pushServer.host, pushServer.announceHost ?? pushServer.host, ...allowedOrigins.map(hostOf)];
  const anyHost = access.secrets.length > 0 || pages.any;
  return (headers) => {
    if (headers[vouchHeader] !== undefined) return undefined;
    const { host } = headers;
    if (!anyHost && !isOwnHost(host, own)) {
      const add = `to allow this name, add "https://<name>" to ${setting}`;
      return {
        code: 'origin_refused',
        detail: `Host ${printable(host ?? '')} is not a name of this push-server; ${add}.`,
      };
    }
    const why = whyRefused(headers, pages, { hosts: host === undefined ? [] : [host] }, setting);
    return why === undefined ? undefined : { code: 'origin_refused', detail: why };
  };
}

const setting = 'pushServer.allowedOrigins';

/** Why a request is refused wherever it goes; `undefined`: it is not. */
function whyBad(request: IncomingMessage): Failure | undefined {
  // RFC 9112 section 3.2.
  if (request.headers.host === undefined && request.httpVersionMinor > 0) return { code: 'request_malformed' };
  return expectsUnknown(request) ? { code: 'expectation_unknown' } : undefined;
}

/** The host of an entry of a list of origins, which may begin with `*.`. */
function hostOf(entry: string): string {
  return entry.replace(/^[^/]*\/\//, '').replace(/:\d+$/, '');
}

/**
 * Puts a gate before all that listens to a server by now; files are for everyone. Pages of listed origins may read whatever is answered,
 * refusals as well, and their preflights are answered here.
 */
export function guard(http: HttpServer, config: Config, onRefused: (failure: Failure) => void): void {
  const { access, pushServer } = config;
  const gate = createPageGate(config);
  const isGuarded = (url: string): boolean => isForApi(url) || isForEngine(url, pushServer.path);
  // By an agent, or without one.
  const readers = openPages([...access.allowedOrigins, ...pushServer.allowedOrigins], access, process.env);
  const requests = http.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  http.removeAllListeners('request');
  http.on('request', (request, response) => {
    if (allowReading(request, response, readers) && isPreflight(request)) {
      allowSending(request, response);
      response.writeHead(204).end();
      return;
    }
    const bad = whyBad(request);
    if (bad !== undefined) {
      refuse(response, bad, { connection: 'close' });
      return;
    }
    const failure = isGuarded(request.url ?? '') ? gate(request.headers) : undefined;
    if (failure === undefined) {
      for (const listener of requests) listener.call(http, request, response);
      return;
    }
    onRefused(failure);
    // A body that is not read would be taken for the next request.
    refuse(response, failure, { connection: 'close' });
  });
  const upgrades = http.listeners('upgrade') as UpgradeListener[];
  http.removeAllListeners('upgrade');
  const onWebSocket: UpgradeListener = (request, socket, head) => {
    const failure = whyBad(request) ?? gate(request.headers);
    if (failure === undefined) {
      for (const listener of upgrades) listener.call(http, request, socket, head);
      return;
    }
    onRefused(failure);
    socket.on('error', () => socket.destroy());
    refuseUpgrade(socket, failure);
  };
  http.on('upgrade', serveUpgrades(http, onWebSocket));
}
