import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'socket.io';
import type { BroadcastOptions } from 'socket.io-adapter';
import type { NamesOf } from './names-of.ts';
import type { Packet } from './packet.ts';
import type { WebSocketInternals } from './private-names-of-ws.ts';

export * from './private-names-of-ws.ts';

/**
 * Every private name of Socket.IO, Engine.IO and `ws` that gopush reads, calls or replaces, and what for. Other files get at them through the
 * functions of `inside-of.ts`, so no other file casts to the inside of one of these libraries. The names of `ws` are in a file of their own, which this one exports. Beside each interface is a list of its names, which
 * the compiler keeps complete and the self-check (`check-socket-io.ts`) compares.
 */

/** The frame of a packet for many clients, encoded once by Socket.IO's adapter. */
export interface WriteOptions {
  readonly wsPreEncodedFrame?: Buffer[];
}

/** A Socket.IO server. */
export interface ServerInternals {
  readonly encoder: { encode(packet: unknown): unknown[] };
  /** Called with each new connection of Engine.IO. */
  onconnection(connection: unknown): unknown;
}
export const serverNames: NamesOf<ServerInternals> = {
  encoder: 'correctness: object',
  onconnection: 'correctness: function',
};

/** What Socket.IO makes of one connection, with the sockets of all its namespaces. Unchanged since Socket.IO 3. */
export interface SocketIoClient<Connection> {
  readonly conn: Connection;
  readonly server: Server;
  /** Sockets by their ids. */
  readonly sockets: ReadonlyMap<string, Socket>;
  /** Sockets by their namespaces. */
  readonly nsps: ReadonlyMap<string, Socket>;
  readonly decoder: DecoderInternals;
  ondecoded(packet: Packet): void;
  /** Called with each message of Engine.IO; `undefined` if it is empty. */
  ondata(data: string | Uint8Array | ArrayBuffer | undefined): void;
  /** Called when a message is not a packet. */
  onerror(error: Error): void;
  /** Called when the connection has ended. */
  onclose(reason: string, description?: unknown): void;
  /** Enters a namespace. */
  connect(namespace: string, auth?: object): void;
  /** Called when a socket has ended. */
  _remove(socket: Socket): void;
  /** Which namespace a packet is for, and the auth payload of a CONNECT. */
  _parseNamespace(packet: Packet): { readonly namespace: string; readonly authPayload: unknown };
  _packet(packet: Packet, options?: object): void;
  writeToEngine(packets: readonly (string | Buffer)[], options: object): void;
}
export const clientNames: NamesOf<SocketIoClient<unknown>> = {
  conn: 'correctness: object',
  server: 'correctness: object',
  sockets: 'correctness: map',
  nsps: 'correctness: map',
  decoder: 'correctness: object',
  ondecoded: 'correctness: function',
  ondata: 'correctness: function',
  onerror: 'correctness: function',
  onclose: 'correctness: function',
  connect: 'correctness: function',
  _remove: 'correctness: function',
  _parseNamespace: 'correctness: function',
  _packet: 'correctness: function',
  writeToEngine: 'correctness: function',
};

/** What puts packets together for a client. */
export interface DecoderInternals {
  /** Is there while attachments of a packet are still to come. */
  readonly reconstructor?: unknown;
  /** Its listeners. */
  _callbacks: { readonly $decoded?: readonly unknown[] };
  opts: unknown;
}
export const decoderNames: NamesOf<Pick<DecoderInternals, '_callbacks' | 'opts'>> = {
  _callbacks: 'memory: object',
  opts: 'memory: object',
};

// biome-ignore lint/suspicious/noExplicitAny: a callback takes whatever its client sends
export type AckCallback = (...response: any[]) => void;

/** A socket of Socket.IO. */
export interface SocketInternals {
  /** The private id by which a client asks for its session after a reconnect; only with connection state recovery. */
  readonly pid: string;
  /** Callbacks that wait for an ack, by the ids of their events. */
  readonly acks: Map<number | undefined, AckCallback>;
  /** Middlewares of the program. */
  readonly fns: readonly unknown[];
  /** Modifiers of the next event. */
  readonly flags: { readonly timeout?: number };
  registerAckCallback(id: number, callback: AckCallback): void;
  /** Called with each event of the client and its arguments, after `onAny` and before middlewares. */
  dispatch(event: unknown[]): void;
  notifyOutgoingListeners(packet: unknown): void;
  /** Takes the socket out of its rooms and its namespace at its end. */
  _cleanup(): void;
}
export const socketNames: NamesOf<SocketInternals> = {
  pid: 'correctness: string',
  acks: 'correctness: map',
  fns: 'correctness: array',
  flags: 'correctness: object',
  registerAckCallback: 'correctness: function',
  dispatch: 'correctness: function',
  notifyOutgoingListeners: 'correctness: function',
  _cleanup: 'correctness: function',
};

/** A namespace. */
export interface NamespaceInternals {
  /** The id of the next event that asks for an ack. */
  _ids: number;
  /** Gives an event of another server of the cluster to listeners of this one. */
  _onServerSideEmit(args: [string, ...unknown[]]): void;
  /** Sockets that are being admitted, by their ids. */
  readonly _preConnectSockets: ReadonlyMap<string, unknown>;
}
export const namespaceNames: NamesOf<NamespaceInternals> = {
  _ids: 'correctness: number',
  _onServerSideEmit: 'correctness: function',
  _preConnectSockets: 'correctness: map',
};

/** An adapter of `socket.io-adapter`. */
export interface AdapterInternals {
  readonly encoder: { encode(packet: unknown): (string | Buffer)[] };
  // biome-ignore lint/suspicious/noExplicitAny: packets and options are passed on as they come
  _encode(packet: any, options: any): readonly (string | Buffer)[];
  /** Adds a socket to rooms; documented. */
  addAll(id: string, rooms: ReadonlySet<string>): unknown;
  /** The rooms of a socket; documented. */
  socketRooms(id: string): unknown;
  /** Calls back with each socket of this server that is meant. */
  apply(options: BroadcastOptions, callback: (socket: Socket) => void): void;
}
export const adapterNames: NamesOf<AdapterInternals> = {
  encoder: 'correctness: object',
  _encode: 'correctness: function',
  addAll: 'memory: function',
  socketRooms: 'memory: function',
  apply: 'correctness: function',
};

/** An adapter of several servers. Unchanged since socket.io-adapter 2.5.3. */
export interface ClusterAdapterInternals {
  publishAndReturnOffset(message: object): Promise<unknown>;
  /** Adds Socket.IO's own offset to a packet. */
  addOffsetIfNecessary(...args: unknown[]): void;
}
export const clusterAdapterNames: NamesOf<ClusterAdapterInternals> = {
  publishAndReturnOffset: 'correctness: function',
  addOffsetIfNecessary: 'correctness: function',
};

/** A request as Engine.IO has read it. */
export interface EngineRequest extends IncomingMessage {
  readonly _query: Readonly<Record<string, string | undefined>>;
  /** The accepted WebSocket; only of an upgrade. */
  readonly websocket?: WebSocketInternals;
}
export const requestNames: NamesOf<Pick<EngineRequest, '_query' | 'websocket'>> = {
  _query: 'correctness: object',
  websocket: 'speed: object',
};

/** An Engine.IO server. */
export interface EngineInternals {
  /** Connections by their ids. */
  readonly clients: Record<string, EngineConnection>;
  clientsCount: number;
  readonly opts: { readonly perMessageDeflate?: unknown; readonly pingInterval: number };
  /** Makes the id of a connection; Engine.IO documents that a program may replace it. */
  generateId(request: IncomingMessage): string | Promise<string>;
  createTransport(name: string, request: EngineRequest): unknown;
  on(event: 'connection', listener: (connection: EngineConnection) => void): unknown;
  on(event: 'headers', listener: (headers: Record<string, string>, request: EngineRequest) => void): unknown;
}
export const engineNames: NamesOf<EngineInternals> = {
  clients: 'correctness: object',
  clientsCount: 'memory: number',
  opts: 'correctness: object',
  generateId: 'correctness: function',
  createTransport: 'speed: function',
  on: 'correctness: function',
};

/** A connection of Engine.IO, which it calls a socket. */
export interface EngineConnection {
  readonly id: string;
  readonly server: EngineInternals;
  /** The request of its handshake. */
  request: unknown;
  /** Version of the protocol: 4, or 3 for clients of Socket.IO 2. */
  readonly protocol: number;
  readonly readyState: string;
  readonly transport: TransportInternals;
  /** Packets that wait for the transport; another list after each flush. */
  readonly writeBuffer: object[];
  sentCallbackFn: unknown[];
  cleanupFn: (() => void)[];
  /** Sends the next ping; `null` for clients of protocol 3, which ping the server. */
  pingIntervalTimer: { refresh(): void } | null;
  /** Of the wait for a pong, which another message of the client lengthens once. */
  hasRefreshedPingTimeout: boolean;
  resetPingTimeout(): void;
  onPacket(packet: unknown): void;
  onDrain(): void;
  onError(error: Error): void;
  onClose(reason: string): void;
  /** Gives what waits to the transport. */
  flush: () => void;
  sendPacket(type: 'noop' | 'ping'): void;
  send(data: unknown, options?: WriteOptions, written?: () => void): EngineConnection;
  /** The same as {@link send}; all packets of Socket.IO come this way. */
  write(data: unknown, options?: WriteOptions, written?: () => void): EngineConnection;
  close(discard?: boolean): void;
  listenerCount(event: string): number;
  // biome-ignore lint/suspicious/noExplicitAny: events have different arguments
  on(event: string, listener: (...args: any[]) => void): unknown;
  once: EngineConnection['on'];
  prependListener(event: 'close', listener: () => void): unknown;
}
export const connectionNames: NamesOf<EngineConnection> = {
  id: 'correctness: string',
  server: 'memory: object',
  request: 'correctness: object',
  protocol: 'correctness: number',
  readyState: 'correctness: string',
  transport: 'correctness: object',
  writeBuffer: 'correctness: array',
  sentCallbackFn: 'memory: array',
  cleanupFn: 'memory: array',
  pingIntervalTimer: 'memory: object',
  hasRefreshedPingTimeout: 'memory: boolean',
  resetPingTimeout: 'memory: function',
  onPacket: 'memory: function',
  onDrain: 'memory: function',
  onError: 'memory: function',
  onClose: 'memory: function',
  flush: 'correctness: function',
  sendPacket: 'correctness: function',
  send: 'correctness: function',
  write: 'correctness: function',
  close: 'correctness: function',
  listenerCount: 'correctness: function',
  on: 'correctness: function',
  once: 'correctness: function',
  prependListener: 'correctness: function',
};

/** An event emitter of Node, which keeps its listeners in a hash table. Without it, everything is written the ordinary way. */
export interface EmitterInternals {
  _events: Record<PropertyKey, Listener | Listener[]>;
}
export type Listener = ((...args: never[]) => unknown) & { readonly listener?: Listener };
export const emitterNames: NamesOf<EmitterInternals> = { _events: 'memory: object' };

/** What carries a connection: a WebSocket or long-polling. */
export interface TransportInternals {
  readonly name: string;
  writable: boolean;
  /** Only of a WebSocket. */
  readonly socket?: WebSocketInternals;
  readonly parser: unknown;
  readonly supportsBinary: unknown;
  send(packets: readonly object[]): void;
  on(event: 'drain', listener: () => void): unknown;
}
export const transportNames: NamesOf<TransportInternals> = {
  name: 'correctness: string',
  writable: 'correctness: boolean',
  socket: 'correctness: object',
  parser: 'speed: object',
  supportsBinary: 'speed: boolean',
  send: 'correctness: function',
  on: 'correctness: function',
};
