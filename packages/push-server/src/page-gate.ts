import type { Server as HttpServer, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type Config, type Failure, isForApi, isPageAllowed, vouchHeader } from '@gopush/contract';
import { isOwnHost, serveUpgrades, type UpgradeListener } from '@gopush/service';
import { refuse } from './api/answer.ts';
import { refuseUpgrade } from './api/listen/listeners.ts';

/** Says why a request may not come in; `undefined`: it may. */
export type PageGate = (headers: Readonly<IncomingHttpHeaders>) => Failure | undefined;

/**
 * Keeps pages of other origins out, which reach whatever their visitor's machine can reach, this push-server among it. Agents vouch for the
 * pages of the requests that they forward. Programs name no page and come in.
 *
 * Without secrets the name by which a request asks for us counts as well: a page whose name in DNS is pointed here is no other origin to the
 * browser. With secrets such a page is nobody.
 */
export function createPageGate({ pushServer, access }: Config): PageGate {
  const { allowedOrigins } = pushServer;
  const names = allowedOrigins.flatMap((origin) => (URL.canParse(origin) ? [new URL(origin).hostname] : []));
  const own = [pushServer.host, pushServer.announceHost ?? pushServer.host, ...names];
  const anyHost = access.secrets.length > 0 || allowedOrigins.includes('*');
  return (headers) => {
    if (headers[vouchHeader] !== undefined) return undefined;
    if (!anyHost && !isOwnHost(headers.host, own)) {
      return { code: 'origin_refused', detail: `asked for as ${headers.host}` };
    }
    if (isPageAllowed(headers, allowedOrigins)) return undefined;
    return { code: 'origin_refused', detail: headers.origin ?? 'a page of another origin' };
  };
}

/** The client library that Socket.IO serves is for all pages, and so are files. */
const guarded = /^\/socket\.io\/(?!socket\.io(?:\.msgpack|\.esm)?(?:\.min)?\.js(?:\.map)?(?:\?|$))/;

/** Puts a gate before all that listens to a server by now. Files are for everyone. */
export function guard(http: HttpServer, gate: PageGate, onRefused: (failure: Failure) => void): void {
  const requests = http.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  http.removeAllListeners('request');
  http.on('request', (request, response) => {
    const failure = isForApi(request.url) || guarded.test(request.url ?? '') ? gate(request.headers) : undefined;
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
    const failure = gate(request.headers);
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
