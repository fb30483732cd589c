import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import type { UrlTarget } from '@gopush/contract';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { makeCertificate, makeFolder, type TestCertificate } from './certificate.ts';

/** How a target is spoken to. */
export type Link = 'http' | 'https' | 'unix';

/** A target that is named by its URL. */
export interface LinkedTarget {
  /** For a router. */
  readonly target: UrlTarget;
  readonly server: Server;
  readonly requests: IncomingMessage[];
  /** How many connections it has accepted. */
  connections(): number;
  /** Cuts all connections. */
  dropAll(): void;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

/** Starts an HTTP server behind such a link, which echoes WebSocket messages as well. */
export async function startLinked(
  link: Link,
  handler: RequestListener = (_, response) => response.end('served'),
  tls: TlsOptions = {},
): Promise<LinkedTarget> {
  const dir = await makeFolder();
  const own = link === 'https' ? await makeCertificate(dir, 'target') : undefined;
  const server = own === undefined ? createServer() : createSecureServer({ ...(await readCertificate(own)), ...tls });
  const requests: IncomingMessage[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  server
    .on('request', (request, response) => {
      requests.push(request);
      handler(request, response);
    })
    .on('upgrade', (request) => requests.push(request))
    .on('connection', (socket: Socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    })
    .on(link === 'https' ? 'secureConnection' : 'connection', () => connections++);
  const sockets = new WebSocketServer({ server: server as Server });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {}).on('message', (data, binary) => socket.send(data, { binary }));
  });
  const socketPath = join(dir, 'app.sock');
  const listen = (where: object) => new Promise<void>((resolve) => server.listen(where, resolve));
  await listen(link === 'unix' ? { path: socketPath } : { port: 0, host: '127.0.0.1' });
  const { port } = link === 'unix' ? { port: 0 } : (server.address() as AddressInfo);
  const dropAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  const leave = (): Promise<void> => {
    dropAll();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  onTestFinished(async () => {
    await leave();
  });
  return {
    target:
      link === 'unix'
        ? { url: `unix:${socketPath}` }
        : own === undefined
          ? { url: `http://127.0.0.1:${port}` }
          : { url: `https://localhost:${port}`, tls: { ca: await readFile(own.certFile) } },
    server: server as Server,
    requests,
    connections: () => connections,
    dropAll,
    leave,
    comeBack: () => listen(link === 'unix' ? { path: socketPath } : { port, host: '127.0.0.1' }),
  };
}

/** What servers of TLS take. */
export async function readCertificate({ certFile, keyFile }: TestCertificate): Promise<{ cert: Buffer; key: Buffer }> {
  return { cert: await readFile(certFile), key: await readFile(keyFile) };
}
