import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { agentHeader, drainingHeader } from '@gopush/contract';

/** Ends the HTTP connections of a push-server in such a way that no request is lost. */
export interface HttpEnding {
  /** Makes each answer the last of its connection, tells agents that this push-server stops, and gives all a moment to hear of it. */
  announce(): Promise<void>;
  /** Closes the connections that agents keep for later requests. */
  closeKept(): void;
}

/** For how long it is announced before the listener closes, in milliseconds. */
const announceMs = 200;

/**
 * What tells an agent that a request which is on its way was not read, so that it may be repeated, whatever its method (RFC 9110 section 15.5.9).
 */
const unread = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** What is known of a connection that has not been upgraded. */
interface Known {
  requests: number;
  isAgent: boolean;
}

/** Follows the connections of a server, from its start. */
export function watchHttp(server: Server): HttpEnding {
  const open = new Map<Socket, Known>();
  let announced = false;
  server.on('connection', (socket: Socket) => {
    open.set(socket, { requests: 0, isAgent: false });
    socket.once('close', () => open.delete(socket));
  });
  server.prependListener('upgrade', ({ socket }: IncomingMessage) => open.delete(socket));
  server.prependListener('request', ({ socket, headers }: IncomingMessage, response: ServerResponse) => {
    const known = open.get(socket);
    if (known === undefined) return;
    known.requests++;
    known.isAgent = headers[agentHeader] !== undefined;
    response.once('close', () => known.requests--);
    if (!announced) return;
    response.shouldKeepAlive = false;
    if (known.isAgent) response.setHeader(drainingHeader, '1');
  });
  return {
    async announce() {
      announced = true;
      if (open.size > 0) await delay(announceMs);
    },
    closeKept() {
      for (const [socket, { requests, isAgent }] of open) {
        if (requests > 0 || !isAgent) continue;
        socket.write(unread, 'latin1');
        // At once, before anything more is read: what is answered so must not be served.
        socket.destroy();
      }
    },
  };
}
