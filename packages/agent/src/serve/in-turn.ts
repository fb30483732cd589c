import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How many requests of one connection may wait for the responses before them. */
const maxWaiting = 1_000;

/** How many requests wait, on connections where any does. */
const waiting = new WeakMap<Socket, number>();

/**
 * Serves a request when it is its turn to be responded to. Node reads on during a response, and emits all requests that
 * a client has sent ahead (pipelining, RFC 9112 section 9.3.2): some thousands in one packet, which would ask targets
 * for as many responses at once. A connection with too many is ended, and its waiting requests are never served.
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
