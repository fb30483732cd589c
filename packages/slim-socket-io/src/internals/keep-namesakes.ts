import { Socket } from 'socket.io';
import { insideOfNamespace, insideOfSocket } from './inside-of.ts';
import type { SocketInternals } from './private-names.ts';

const { _cleanup: cleanUp } = Socket.prototype as unknown as SocketInternals;

/**
 * Has sockets leave another one alone that has the same id, when they end. A session that continues on another connection keeps the id of its socket,
 * by which Socket.IO knows sockets and their rooms. If its first connection is still being admitted, that ends after the second one has begun, and
 * would take the second one out of its namespace and rooms: its client would stay connected, and receive nothing.
 *
 * It applies to all servers of the process; nothing changes for sockets with ids of their own.
 */
export function keepNamesakes(): void {
  Object.assign(Socket.prototype, {
    _cleanup(this: Socket): void {
      const { nsp, id } = this;
      const holder = nsp.sockets.get(id) ?? insideOfNamespace(nsp)._preConnectSockets.get(id);
      if (holder === undefined || holder === this) cleanUp.call(insideOfSocket(this));
      else this.join = () => {};
    },
  });
}
