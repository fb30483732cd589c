import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { onTestFinished } from 'vitest';
import { tellIfSlow } from './slow-wait.ts';

/** A Socket.IO service of a user's own: answers `who` with its name and what it knows of the client. */
export interface OwnService {
  readonly ip: string;
  readonly port: number;
  readonly name: string;
}

/** What {@link OwnService} answers. */
export interface Who {
  readonly name: string;
  readonly uid: string;
  readonly cookie: string | undefined;
  readonly transport: string;
}

export async function startOwnService(name: string): Promise<OwnService> {
  const http = createServer();
  const server = new Server(http, { pingInterval: 5_000 });
  server.on('connection', (socket) => {
    socket.on('who', (answer: (who: Who) => void) => {
      const { headers } = socket.handshake;
      answer({
        name,
        uid: decodeURIComponent(String(headers['x-gopush-uid'])),
        cookie: headers.cookie,
        transport: socket.conn.transport.name,
      });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close());
  return { ip: '127.0.0.1', port: (http.address() as AddressInfo).port, name };
}

/** How a client may reach a gateway. */
export type Transport = 'websocket' | 'polling' | 'upgrade';

/** A connected client that ends with the test. */
export async function connectClient(
  url: string,
  transport: Transport,
  options: Partial<ManagerOptions & SocketOptions> = {},
): Promise<Socket> {
  const socket = openClient(url, transport, options);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('connect_error', (error) => reject(explained(error)));
  });
  if (transport === 'upgrade') {
    const { engine } = socket.io;
    if (engine.transport.name !== 'websocket') await new Promise((resolve) => engine.once('upgrade', resolve));
  }
  return socket;
}

/** An error of Socket.IO's client with what it says of its cause: an address that nobody listens at, a response. */
function explained(error: Error & { readonly description?: unknown }): Error {
  const { description } = error;
  const cause = (description as { readonly message?: string } | undefined)?.message ?? description;
  if (cause !== undefined) error.message += `: ${String(cause)}`;
  return error;
}

/** A client that is only about to connect. */
export function openClient(
  url: string,
  transport: Transport,
  options: Partial<ManagerOptions & SocketOptions> = {},
): Socket {
  const transports = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] }[transport];
  const socket = io(url, { transports, forceNew: true, reconnection: false, ...options });
  onTestFinished(() => void socket.disconnect());
  return socket;
}

/** The arguments of the next such event. */
export function nextEvent<T = unknown>(socket: Socket, event: string): Promise<T> {
  const next = new Promise<T>((resolve) => socket.once(event, resolve));
  return tellIfSlow(next, socket, () => `the next "${event}"`);
}
