import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Connections of clients that have been served and keep their place for a later request. */
export interface IdleConnections {
  /** Follows the connection of a request. */
  serves(socket: Socket, response: ServerResponse): void;
  /**
   * Gives the place of the one that has been idle longest to somebody else, unless that is not long either.
   *
   * @param network - of whom; absent: of anybody
   * @returns `undefined`: none is idle
   */
  take(network?: string): Socket | undefined;
}

/** How long a connection keeps its place in any case, in milliseconds: most pages have asked for all they need by then. */
const graceMs = 5_000;

/**
 * Follows which connections are idle. Only those that have been served count: one that has not sent its first request yet may be about to, and has
 * a deadline of its own.
 *
 * @param networkOf - what of an address counts as one client; `undefined`: its connections are never taken away
 */
export function createIdleConnections(networkOf: (socket: Socket) => string | undefined): IdleConnections {
  /** Requests that are being served, of connections that have been. */
  const serving = new WeakMap<Socket, number>();
  /** Those that are idle longest first, with the time since when, and the bytes that each had brought by then. */
  const idle = new Map<Socket, { readonly sinceMs: number; readonly bytes: number }>();
  const byNetwork = new Map<string, Set<Socket>>();
  const networks = new WeakMap<Socket, string>();

  function rest(socket: Socket, network: string): void {
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
      const of = network;
      forget(socket);
      serving.set(socket, (serving.get(socket) ?? 0) + 1);
      response.once('close', () => {
        const left = (serving.get(socket) ?? 1) - 1;
        serving.set(socket, left);
        if (left === 0 && !socket.destroyed) rest(socket, of);
      });
    },
    take(network) {
      const candidates = network === undefined ? idle.keys() : (byNetwork.get(network) ?? []);
      for (const socket of candidates) {
        const rest = idle.get(socket);
        if (rest === undefined || performance.now() - rest.sinceMs < graceMs) return undefined;
        forget(socket);
        // The next request is coming in, or the connection has been upgraded: it is no longer followed as idle.
        if (socket.bytesRead === rest.bytes && !socket.destroyed) return socket;
      }
      return undefined;
    },
  };
}
