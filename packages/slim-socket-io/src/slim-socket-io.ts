import { IncomingMessage } from 'node:http';
import type { Server } from 'socket.io';
import { createCompactor, unwrapped } from './memory/compact-listeners.ts';
import { HandshakeRequest } from './memory/handshake-request.ts';
import { isEmptyList, roomForOne } from './memory/room-for-one.ts';
import { shareTransportListeners } from './memory/share-transport-listeners.ts';
import { slimClient } from './memory/slim-client.ts';
import type { AnyTransport, Connection } from './writing/connection.ts';
import { type EngineRequest, WebSocketTransport } from './writing/web-socket-transport.ts';
import { writeReady } from './writing/write-ready.ts';

/** What is used here of an Engine.IO server; `createTransport` is what a server of another kind would have of its own. */
interface Engine {
  readonly opts: { readonly perMessageDeflate?: unknown };
  createTransport(name: string, request: EngineRequest): unknown;
  on(event: 'connection', listener: (connection: Connection) => void): void;
}

/**
 * Makes a server write faster and keep less for each client (docs/decisions/0007). What clients get, and in which order, stays what
 * Socket.IO says. It must be called before the first client connects.
 */
export function slimSocketIo(io: Server): void {
  const engine = io.engine as unknown as Engine;
  const { createTransport } = engine;
  engine.createTransport = (name, request) =>
    name === 'websocket' && !engine.opts.perMessageDeflate && WebSocketTransport.takes(request)
      ? new WebSocketTransport(request)
      : createTransport.call(engine, name, request);
  engine.on('connection', (connection) => {
    if (connection.request instanceof IncomingMessage) connection.request = new HandshakeRequest(connection.request);
    connection.write = writeReady;
    if (connection.transport.name === 'websocket') settle(connection, connection.transport);
    else connection.once('upgrade', (transport) => settle(connection, transport));
  });
  io.on('connection', slimClient);
}

const compactConnection = createCompactor();
const compactTransport = createCompactor();
const compactWebSocket = createCompactor();
const compactReceiver = createCompactor();
const compactSocket = createCompactor();

/** What is done once the connection is there by which a client stays. */
function settle(connection: Connection, transport: AnyTransport): void {
  compactConnection(connection, (listener, event) => (event === 'close' ? unwrapped(listener) : listener));
  if (!(transport instanceof WebSocketTransport)) return;
  shareTransportListeners(connection, transport);
  compactTransport(transport);
  const { socket: ws } = transport;
  compactWebSocket(ws);
  compactSocket(ws._socket);
  compactReceiver(ws._receiver);
  const receiver = ws._receiver as { _buffers?: unknown } | undefined;
  if (receiver !== undefined && isEmptyList(receiver._buffers)) receiver._buffers = roomForOne();
  if (isEmptyList(connection.sentCallbackFn)) connection.sentCallbackFn = roomForOne();
}
