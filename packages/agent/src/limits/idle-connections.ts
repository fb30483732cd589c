import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Connections of clients that have been served, and keep their place for a later request. */
export interface IdleConnections {
  /** Follows the connection of a request. */
  serves(socket: Socket, response: ServerResponse): void;
  /**
   * Takes the connection that has been idle longest out of the account, unless it has not been idle for long.
   *
   * @param network - whose connection; absent: anyone's
   * @returns `undefined`: there is none
   */
  take(network?: string): Socket | undefined;
}

/** How long a connection keeps its place in any case, in milliseconds: most pages have requested all they need by then. */
const graceMs = 5_000;

/**
 * Follows which connections are idle. Only those that have been served count: a new connection may be about to send its first request, and has a
 * deadline of its own.
 *
 * @param networkOf - by what a client is counted; `undefined`: its connections are never taken away
 */
export function createIdleConnections(networkOf: (socket: Socket) => string | undefined): IdleConnections {
  /** How many requests of a connection are being served. */
  const serving = new WeakMap<Socket, number>();
  /** Idle connections, those that are idle longest first: since when, and how many bytes had arrived on each by then. */
  const idle = new Map<Socket, { readonly sinceMs: number; readonly bytes: number }>();
  const byNetwork = new Map<string, Set<Socket>>();
  const networks = new WeakMap<Socket, string>();

  function markIdle(socket: Socket, network: string): void {
    idle.set(socket, { sinceMs: performance.now(), bytes: socket.bytesRead });
    let others = byNetwork.get(network);
    if (others === undefined) {
      others = new Set();
      byNetwork.set(network, others);
    }
    others.add(socket);
  }

  function forget(socket: Socket): void {
    if (!idle.delete(socket)) return;
    const network = networks.get(socket) ?? '';
    const others = byNetwork.get(network);
    others?.delete(socket);
    if (others?.size === 0) byNetwork.delete(network);
  }

  return {
    serves(socket, response) {
      let network = networks.get(socket);
      if (network === undefined) {
        network = networkOf(socket);
        if (network === undefined) return;
        networks.set(socket, network);
        socket.once('close', () => forget(socket));
      }
      const countedNetwork = network;
      forget(socket);
      serving.set(socket, (serving.get(socket) ?? 0) + 1);
      response.once('close', () => {
        const left = (serving.get(socket) ?? 1) - 1;
        serving.set(socket, left);
        if (left === 0 && !socket.destroyed) markIdle(socket, countedNetwork);
      });
    },
    take(network) {
      const candidates = network === undefined ? idle.keys() : (byNetwork.get(network) ?? []);
      for (const socket of candidates) {
        const since = idle.get(socket);
        if (since === undefined || performance.now() - since.sinceMs < graceMs) return undefined;
        forget(socket);
        // The next request is arriving, or the connection has been upgraded: it is no longer idle.
        if (socket.bytesRead === since.bytes && !socket.destroyed) return socket;
      }
      return undefined;
    },
  };
}
