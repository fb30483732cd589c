import type { Connection } from '../writing/connection.ts';
import type { WebSocketTransport } from '../writing/web-socket-transport.ts';

/** What an Engine.IO socket listens to of its transport: the same functions for all clients. */
const listeners = {
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
};
const methods = ['onError', 'flush', 'onPacket', 'onDrain', 'onClose'] as const;

/** Puts a transport's listeners in the place of those that its connection has just made for it. */
export function shareTransportListeners(connection: Connection, transport: WebSocketTransport): void {
  if (!methods.every((name) => typeof connection[name] === 'function') || !Array.isArray(connection.cleanupFn)) return;
  transport.connection = connection;
  transport.removeAllListeners();
  for (const [event, listener] of Object.entries(listeners)) transport.on(event, listener);
  connection.cleanupFn = [
    () => {
      for (const [event, listener] of Object.entries(listeners)) transport.off(event, listener);
    },
  ];
}
