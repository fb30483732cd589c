import { IncomingMessage } from 'node:http';
import type { Server } from 'socket.io';
import { type Connection, writeReady } from './broadcast.ts';
import { compactListeners } from './compact-listeners.ts';
import { joinWrites, type Transport } from './connection.ts';
import { HandshakeRequest } from './handshake-request.ts';

/** What is used here of a new Engine.IO socket. */
interface NewConnection extends Connection {
  request: unknown;
  once(event: 'upgrade', listener: (transport: Transport) => void): void;
}

/**
 * Makes a server write faster and keep less for each client (docs/decisions/0007). What clients get, and in which order, stays what
 * Socket.IO says. It must be called before the first client connects.
 */
export function writeFast(io: Server): void {
  io.engine.on('connection', (connection: NewConnection) => {
    if (connection.request instanceof IncomingMessage) connection.request = new HandshakeRequest(connection.request);
    connection.write = writeReady;
    if (connection.transport.name === 'websocket') settle(connection, connection.transport);
    else connection.once('upgrade', (transport) => settle(connection, transport));
  });
}

/** What is done once the connection is there by which a client stays. */
function settle(connection: NewConnection, transport: Transport): void {
  joinWrites(transport);
  const { socket: ws } = transport;
  compactListeners(connection, transport, ws, ws?._socket, ws?._receiver);
}
