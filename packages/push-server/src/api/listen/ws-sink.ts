import type { WebSocket } from 'ws';
import { type EndReason, endMs, type Sink } from './sink.ts';

/** Close codes (RFC 6455 section 7.4, and the registry of IANA): try again later, service restart, policy violation. */
const closeCodes: Readonly<Record<EndReason, number>> = {
  listener_too_slow: 1013,
  stopping: 1012,
  disconnected: 1008,
};

/** Sends events as JSON texts over a WebSocket. What the client sends is ignored. */
export function createWsSink(socket: WebSocket): Sink {
  let alive = true;
  socket.on('pong', () => {
    alive = true;
  });
  // An error is followed by `close`.
  socket.on('error', () => {});
  return {
    kind: 'websocket',
    send(type, id, data) {
      if (socket.readyState === socket.OPEN) socket.send(`{"type":"${type}","id":"${id}",${data.slice(1)}`);
    },
    get waiting() {
      return socket.bufferedAmount;
    },
    beat() {
      if (!alive) return socket.terminate();
      alive = false;
      if (socket.readyState === socket.OPEN) socket.ping();
    },
    end(reason) {
      socket.close(closeCodes[reason], reason);
      const cut = setTimeout(() => socket.terminate(), endMs).unref();
      socket.once('close', () => clearTimeout(cut));
    },
    cut: () => socket.terminate(),
    onClose: (listener) => void socket.once('close', listener),
  };
}
