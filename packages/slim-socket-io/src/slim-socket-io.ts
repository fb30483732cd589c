import { IncomingMessage } from 'node:http';
import type { Server } from 'socket.io';
import { engineOf } from './internals/inside-of.ts';
import type { EngineInternals, TransportInternals, WebSocketInternals } from './internals/private-names.ts';
import { createCompactor, unwrapped } from './memory/compact-listeners.ts';
import { forgetConnection, forgetsConnection } from './memory/forget-connection.ts';
import { HandshakeRequest } from './memory/handshake-request.ts';
import { PingQueue } from './memory/ping-queue.ts';
import { isEmptyList, roomForOne } from './memory/room-for-one.ts';
import { shareNoExtensions } from './memory/share-no-extensions.ts';
import { shareTransportListeners } from './memory/share-transport-listeners.ts';
import { slimClient, slimNewSocket } from './memory/slim-client.ts';
import { keepSmallRooms } from './memory/small-rooms.ts';
import type { Connection } from './writing/connection.ts';
import type { StreamNotes } from './writing/outlet.ts';
import { WebSocketTransport } from './writing/web-socket-transport.ts';
import { writeReady } from './writing/write-ready.ts';

/** Which parts are replaced; `checkSocketIo` says which can be. */
export interface SlimOptions {
  /** Writes all that one tick emits to a client at once, past the queues of Engine.IO and `ws`. @defaultValue true */
  readonly speed?: boolean;
  /** Keeps less memory for each client. @defaultValue true */
  readonly memory?: boolean;
  /** Is told how far the stream of a WebSocket is written; only with `speed`. @defaultValue none */
  readonly notesFor?: NotesFor | undefined;
}

type NotesFor = (webSocket: WebSocketInternals) => StreamNotes | undefined;

/**
 * Makes a server write faster and keep less memory for each client (docs/decisions/0007). Clients get the same events in the same order as
 * with plain Socket.IO. It must be called before the first client connects.
 */
export function slimSocketIo(io: Server, { speed = true, memory = true, notesFor }: SlimOptions = {}): void {
  const engine = engineOf(io);
  if (speed) writeByOutlets(engine, notesFor);
  const pings = memory ? new PingQueue(engine.opts.pingInterval) : undefined;
  engine.on('connection', (connection: Connection) => {
    connection.write = writeReady;
    if (memory && connection.request instanceof IncomingMessage)
      connection.request = new HandshakeRequest(connection.request);
    pings?.take(connection);
    if (connection.transport.name === 'websocket') settle(connection, connection.transport, memory);
    else connection.once('upgrade', (transport) => settle(connection, transport, memory));
  });
  if (!memory) return;
  io.use(slimNewSocket);
  io.on('connection', (socket) => {
    keepSmallRooms(socket.nsp.adapter);
    slimClient(socket);
  });
}

/** Gives connections over WebSocket without compression a transport that writes through an outlet. */
function writeByOutlets(engine: EngineInternals, notesFor: NotesFor | undefined): void {
  const { createTransport } = engine;
  engine.createTransport = (name, request) =>
    name === 'websocket' && !engine.opts.perMessageDeflate && WebSocketTransport.takes(request)
      ? new WebSocketTransport(request, notesFor)
      : createTransport.call(engine, name, request);
}

/** Sets up a connection that has the transport with which it stays. */
function settle(connection: Connection, transport: TransportInternals, memory: boolean): void {
  if (transport instanceof WebSocketTransport) transport.connection = connection;
  if (memory) slimConnection(connection, transport);
}

const compactConnection = createCompactor();
const compactTransport = createCompactor();
const compactWebSocket = createCompactor();
const compactReceiver = createCompactor();
const compactSocket = createCompactor();

function slimConnection(connection: Connection, transport: TransportInternals): void {
  compactConnection(connection, (listener, event) => {
    if (event !== 'close') return listener;
    const bare = unwrapped(listener);
    return forgetsConnection(bare) ? forgetConnection : bare;
  });
  if (!(transport instanceof WebSocketTransport)) return;
  shareTransportListeners(connection, transport);
  compactTransport(transport);
  const { socket: ws } = transport;
  compactWebSocket(ws);
  compactSocket(ws._socket);
  const { _receiver: receiver } = ws;
  compactReceiver(receiver);
  if (isEmptyList(receiver?._buffers)) receiver._buffers = roomForOne();
  if (isEmptyList(connection.sentCallbackFn)) connection.sentCallbackFn = roomForOne();
  shareNoExtensions(ws);
}
