import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How many requests of one connection may wait for the answers before them. */
const maxWaiting = 1_000;

/** How many do, where any does. */
const waiting = new WeakMap<Socket, number>();

/**
 * Serves a request when its answer may be sent. Node reads on while an answer is under way, and gives all requests that a client has sent ahead
 * (pipelining, RFC 9112 section 9.3.2): some thousands in one packet, which would ask targets for as many answers at once. A connection with
 * too many is ended. The requests of one that ends are never served.
 */
export function inTurn({ socket }: IncomingMessage, response: ServerResponse, serve: () => void): void {
  if (response.socket !== null) {
    serve();
    return;
  }
  const before = waiting.get(socket) ?? 0;
  if (before === maxWaiting) {
    socket.destroy();
    return;
  }
  waiting.set(socket, before + 1);
  response.once('socket', () => {
    const left = (waiting.get(socket) ?? 1) - 1;
    if (left === 0) waiting.delete(socket);
    else waiting.set(socket, left);
    serve();
  });
}
