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

/** Decides why a request is refused; `undefined`: it is not. */
type PageGate = (headers: Readonly<IncomingHttpHeaders>) => Failure | undefined;

/**
 * Creates the gate that refuses pages of other origins. A page can reach every server that its visitor's machine can
 * reach, this push-server included. Agents
 * vouch for the pages of the requests that they forward. Programs send no origin and are let in.
 *
 * Without secrets, the `Host` of a request is checked as well: for the browser, a page whose DNS name points to this push-server has the same origin.
 * With secrets, such a page has no identity.
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

/** Why a request is refused, independent of its URL; `undefined`: it is not. */
function whyMalformed(request: IncomingMessage): Failure | undefined {
  // RFC 9112 section 3.2.
  if (request.headers.host === undefined && request.httpVersionMinor > 0) return { code: 'request_malformed' };
  return expectsUnknown(request) ? { code: 'expectation_unknown' } : undefined;
}

/** The host in an entry of a list of origins; it may begin with `*.`. */
function hostOf(entry: string): string {
  return entry.replace(/^[^/]*\/\//, '').replace(/:\d+$/, '');
}

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Guards the listeners that a server has by now against requests of pages of other origins. Files are for all pages.
 * Pages of allowed origins may read all responses, refusals included, and their preflights get a response here.
 */
export function guardPages(http: HttpServer, config: Config, onRefused: (failure: Failure) => void): void {
  const gate = createPageGate(config);
  guardHttp(http, config, gate, onRefused);
  const upgrades = http.listeners('upgrade') as UpgradeListener[];
  http.removeAllListeners('upgrade');
  const onWebSocket: UpgradeListener = (request, socket, head) => {
    const failure = whyMalformed(request) ?? gate(request.headers);
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

function guardHttp(
  http: HttpServer,
  { access, pushServer }: Config,
  gate: PageGate,
  onRefused: (failure: Failure) => void,
): void {
  // Pages behind an agent, and without one.
  const readers = openPages([...access.allowedOrigins, ...pushServer.allowedOrigins], access, process.env);
  const handlers = http.listeners('request') as RequestHandler[];
  http.removeAllListeners('request');
  http.on('request', (request, response) => {
    if (allowReading(request, response, readers) && isPreflight(request)) {
      allowSending(request, response);
      response.writeHead(204).end();
      return;
    }
    const bad = whyMalformed(request);
    if (bad !== undefined) {
      refuse(response, bad, { connection: 'close' });
      return;
    }
    const { url = '' } = request;
    const failure = isForApi(url) || isForEngine(url, pushServer.path) ? gate(request.headers) : undefined;
    if (failure === undefined) {
      for (const handler of handlers) handler.call(http, request, response);
      return;
    }
    onRefused(failure);
    // A body that is not read would be taken for the next request.
    refuse(response, failure, { connection: 'close' });
  });
}
