import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Config } from '@gopush/contract';
import { drainHttp, type Logger, lingerAfterResponses } from '@gopush/service';
import type { AgentRequest } from '../request/agent-request.ts';
import { acceptProxied } from './accept-proxied.ts';
import { type Certificate, loadCertificate } from './load-certificate.ts';
import { watchCertificate } from './watch-certificate.ts';

/** What clients connect to: HTTP or HTTPS, perhaps by proxies that announce them. */
export interface Front {
  readonly scheme: 'http' | 'https';
  readonly server: Server;
  /**
   * Closes the server without failing a request, as `drainHttp` does. Connections that have not come as far as HTTP are cut: those
   * whose PROXY header is awaited at once, those in their TLS handshake after `drainMs`, in milliseconds.
   *
   * @param idleMs - how long connections stay that have nothing in flight. @defaultValue 0
   */
  drain(drainMs: number, idleMs?: number): Promise<void>;
  /** Stops following the certificate. */
  close(): void;
}

/** Who is shown the connections that come. */
interface Arrivals {
  /** Each, with the client's own address, before anything of it is read, a handshake of TLS included. */
  onClient(socket: Socket): void;
  /** One of a proxy that has yet to say whose it is. */
  onWaiting(socket: Socket): void;
}

/**
 * Makes the server for clients; it does not listen yet.
 *
 * @param dir - what the files of the certificate are seen from
 * @param arrivals - shown each connection
 * @throws CertificateError for a certificate that cannot be used
 */
export async function openFront(
  { agent, access }: Config,
  dir: string,
  { onClient, onWaiting }: Arrivals,
  log: Logger,
  options: ServerOptions<typeof AgentRequest>,
): Promise<Front> {
  const { tls, headerTimeoutMs } = agent;
  const certificate = tls === null ? undefined : await loadCertificate(tls, dir);
  if (certificate !== undefined && certificate.validTo.getTime() < Date.now()) {
    log.warn(
      { file: tls?.certFile, validTo: certificate.validTo },
      'the certificate has expired: clients will refuse it',
    );
  }
  const secured = certificate === undefined ? undefined : createSecured(options, certificate, headerTimeoutMs, log);
  const server: Server = secured?.server ?? createServer(options);
  lingerAfterResponses(server);
  // Before the PROXY protocol is put in between, which hands connections over when their client is known.
  server.prependListener('connection', onClient);
  const cutWaiting =
    access.proxyProtocol.length === 0
      ? undefined
      : acceptProxied(server, { networks: access.proxyProtocol, timeoutMs: headerTimeoutMs, onWaiting, log });
  const unwatch =
    tls === null || certificate === undefined
      ? undefined
      : watchCertificate(tls, dir, certificate, ({ secure }) => secured?.server.setSecureContext(secure), log);
  return {
    scheme: tls === null ? 'http' : 'https',
    server,
    async drain(drainMs, idleMs) {
      const cut = secured === undefined ? undefined : setTimeout(secured.cut, drainMs);
      const drained = drainHttp(server, drainMs, idleMs);
      cutWaiting?.();
      await drained;
      clearTimeout(cut);
    },
    close: () => unwatch?.(),
  };
}

/** An HTTPS server, and what cuts its connections, whether or not they have come as far as HTTP. */
function createSecured(
  options: ServerOptions<typeof AgentRequest>,
  { secure }: Certificate,
  handshakeTimeout: number,
  log: Logger,
): { readonly server: TlsServer & Server; cut(): void } {
  const server = createTlsServer({
    ...options,
    ...secure,
    // As nginx does: clients are refused in their handshake that offer others alone, and `curl --http1.0` offers its own alone.
    ALPNProtocols: ['http/1.1', 'http/1.0'],
    handshakeTimeout,
  });
  // As Node's HTTP servers have it: a client that ends its side still gets what is on its way. Not from the start: one that ends its
  // side in the handshake can be told nothing, and would count as a connection until `handshakeTimeout`.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
  // Node would take these for bad requests, to be answered; nobody could read that answer.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    log.debug({ problem: error.message, code: error.code }, 'connection closed: the TLS handshake failed');
    socket.destroy();
  });
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return {
    server: server as TlsServer & Server,
    cut() {
      for (const socket of connections) socket.destroy();
    },
  };
}
