import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Config } from '@gopush/contract';
import { drainHttp, type Logger, lingerAfterResponses } from '@gopush/service';
import type { AgentRequest } from '../request/agent-request.ts';
import { acceptProxied } from './accept-proxied.ts';
import { type Certificate, certificateFiles, loadCertificate } from './load-certificate.ts';
import { watchCertificate } from './watch-certificate.ts';

/** The server that clients connect to: HTTP or HTTPS, perhaps through proxies that announce them. */
export interface Front {
  readonly scheme: 'http' | 'https';
  readonly server: Server;
  /**
   * Closes the server without failing a request, as `drainHttp` does. Connections that have not reached HTTP yet are cut: those whose PROXY header is
   * awaited at once, those in their TLS handshake after `drainMs`, in milliseconds.
   *
   * @param idleMs - how long connections without a request may stay. @defaultValue 0
   */
  drain(drainMs: number, idleMs?: number): Promise<void>;
  /** Stops following the certificate. */
  close(): void;
}

/** Handlers of new connections. */
interface Arrivals {
  /** Called with each one, with the client's own address, before anything of it is read, even a TLS handshake. */
  onClient(socket: Socket): void;
  /** Called with one of a proxy that has not announced its client yet. */
  onWaiting(socket: Socket): void;
}

/** Options of {@link openFront}. */
export interface FrontOptions {
  readonly config: Config;
  /** The folder that paths of certificates are relative to. */
  readonly dir: string;
  /** Called with each connection. */
  readonly arrivals: Arrivals;
  readonly log: Logger;
  /** Options of Node's server. */
  readonly server: ServerOptions<typeof AgentRequest>;
}

/**
 * Makes the server for clients; it does not listen yet.
 *
 * @throws CertificateError for a certificate that cannot be used
 */
export async function openFront({ config, dir, arrivals, log, server: options }: FrontOptions): Promise<Front> {
  const { agent, access } = config;
  const { onClient, onWaiting } = arrivals;
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
  // Before the PROXY protocol is put in between, which passes connections on when their client is known.
  server.prependListener('connection', onClient);
  const cutWaiting =
    access.proxyProtocol.length === 0
      ? undefined
      : acceptProxied(server, { networks: access.proxyProtocol, timeoutMs: headerTimeoutMs, onWaiting, log });
  const unwatch =
    tls === null || certificate === undefined
      ? undefined
      : watchCertificate({
          files: [...certificateFiles(tls, dir).values()],
          load: () => loadCertificate(tls, dir),
          loaded: certificate,
          onRenewed: ({ secure }) => secured?.server.setSecureContext(secure),
          log,
        });
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

/** An HTTPS server, and what cuts its connections, whether or not they have reached HTTP. */
function createSecured(
  options: ServerOptions<typeof AgentRequest>,
  { secure }: Certificate,
  handshakeTimeout: number,
  log: Logger,
): { readonly server: TlsServer & Server; cut(): void } {
  const server = createTlsServer({
    ...options,
    ...secure,
    // As nginx does. Otherwise clients that offer other protocols only are refused in their handshake, and `curl --http1.0` offers only its own.
    ALPNProtocols: ['http/1.1', 'http/1.0'],
    handshakeTimeout,
  });
  // As in Node's HTTP servers: a client that ends its side still gets the response that is on its way. Not from the start: to a client that ends its
  // side in the handshake nothing can be sent, and it would count as a connection until `handshakeTimeout`.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
  // Node would respond to these as to bad requests, in plain text that a TLS client cannot read.
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
