import type { Connection } from '../writing/connection.ts';
import type { WebSocketTransport } from '../writing/web-socket-transport.ts';

/** What a connection of Engine.IO listens to on its transport: the same functions for all clients. */
const listeners = Object.entries({
  error(this: WebSocketTransport, error: Error): void {
    this.connection?.onError(error);
  },
  ready(this: WebSocketTransport): void {
    this.connection?.flush();
  },
  packet(this: WebSocketTransport, packet: unknown): void {
    this.connection?.onPacket(packet);
  },
  drain(this: WebSocketTransport): void {
    this.connection?.onDrain();
  },
  close(this: WebSocketTransport): void {
    this.connection?.onClose('transport close');
  },
});

/** The same for all connections, so nothing can be added. */
const nothingToCleanUp: (() => void)[] = [];
Object.freeze(nothingToCleanUp);

/** Replaces the listeners that a connection has just made for its transport by shared ones. The transport must know its connection. */
export function shareTransportListeners(connection: Connection, transport: WebSocketTransport): void {
  transport.removeAllListeners();
  for (const [event, listener] of listeners) transport.on(event, listener);
  // They stay until both are gone: a connection that has closed ignores its transport, and one with a WebSocket gets no other transport.
  connection.cleanupFn = nothingToCleanUp;
}
