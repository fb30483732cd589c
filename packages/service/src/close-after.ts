import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Makes a server close each connection after `most` requests, with `Connection: close` in the last response. Requests that a client has pipelined
 * after that are not served, so the client can retry them (RFC 9112 section 9.3.2). Node's own `maxRequestsPerSocket` would refuse them with 503.
 *
 * @param most - most requests of a connection; 0: no limit
 */
export function closeAfter(server: Server, most: number): void {
  if (most === 0) return;
  const served = new WeakMap<Socket, number>();
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const count = (served.get(socket) ?? 0) + 1;
    served.set(socket, count);
    if (count >= most) response.shouldKeepAlive = false;
  });
}
