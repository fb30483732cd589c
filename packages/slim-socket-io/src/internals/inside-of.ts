import type { IncomingMessage } from 'node:http';
import type { Namespace, Server, Socket } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import type {
  AdapterInternals,
  ClusterAdapterInternals,
  EngineConnection,
  EngineInternals,
  EngineRequest,
  NamespaceInternals,
  ServerInternals,
  SocketInternals,
  SocketIoClient,
  TransportInternals,
  WebSocketInternals,
} from './private-names.ts';

export function insideOfServer(io: Server): ServerInternals {
  return io as unknown as ServerInternals;
}

export function insideOfClient(socket: Socket): SocketIoClient<unknown> {
  return socket.client as unknown as SocketIoClient<unknown>;
}

export function insideOfSocket(socket: Socket): SocketInternals {
  return socket as unknown as SocketInternals;
}

export function insideOfNamespace(namespace: Namespace): NamespaceInternals {
  return namespace as unknown as NamespaceInternals;
}

export function insideOfAdapter(adapter: Adapter): AdapterInternals {
  return adapter as unknown as AdapterInternals;
}

export function insideOfClusterAdapter(adapter: Adapter): ClusterAdapterInternals {
  return adapter as unknown as ClusterAdapterInternals;
}

export function asEngineRequest(request: IncomingMessage): EngineRequest {
  return request as EngineRequest;
}

export function engineOf(io: Server): EngineInternals {
  return io.engine as unknown as EngineInternals;
}

/** The connection below a socket. */
export function connectionOf(socket: Socket): EngineConnection {
  return socket.conn as unknown as EngineConnection;
}

/** The WebSocket that carries a connection; `undefined` for long-polling. */
export function webSocketOf({ transport }: { readonly transport: unknown }): WebSocketInternals | undefined {
  const { name, socket } = transport as TransportInternals;
  return name === 'websocket' ? socket : undefined;
}
