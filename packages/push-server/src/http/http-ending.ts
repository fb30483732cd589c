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
  /** Cuts the WebSockets that are still open, whether they belong to a client, were about to, or are closing. */
  cutUpgraded(): void;
}

/**
 * For how long it is announced before the listener closes, in milliseconds: until no request of an agent has come for a while, since a connection
 * that is not accepted yet would be reset with the request on it.
 */
const announcing = { leastMs: 200, quietMs: 100, mostMs: 1_000 } as const;

/** How long an agent may take to close a connection that was given up, in milliseconds. */
export const lingerMs = 300;

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
  const upgraded = new Set<Socket>();
  let announced = false;
  let askedAt = 0;
  server.on('connection', (socket: Socket) => {
    open.set(socket, { requests: 0, isAgent: false });
    socket.once('close', () => open.delete(socket) || upgraded.delete(socket));
  });
  server.prependListener('upgrade', ({ socket }: IncomingMessage) => {
    if (open.delete(socket)) upgraded.add(socket);
  });
  server.prependListener('request', ({ socket, headers }: IncomingMessage, response: ServerResponse) => {
    const known = open.get(socket);
    if (known === undefined) return;
    known.requests++;
    known.isAgent = headers[agentHeader] !== undefined;
    response.once('close', () => known.requests--);
    if (!announced) return;
    response.shouldKeepAlive = false;
    if (!known.isAgent) return;
    askedAt = performance.now();
    response.setHeader(drainingHeader, '1');
  });
  return {
    async announce() {
      announced = true;
      if (open.size === 0) return;
      const { leastMs, quietMs, mostMs } = announcing;
      const until = performance.now() + mostMs;
      await delay(leastMs);
      for (let now = performance.now(); now < askedAt + quietMs && now < until; now = performance.now()) {
        await delay(Math.min(askedAt + quietMs, until) - now);
      }
    },
    closeKept() {
      for (const [socket, { requests, isAgent }] of open) {
        if (requests === 0 && isAgent) giveUp(socket);
      }
    },
    cutUpgraded() {
      for (const socket of upgraded) socket.destroy();
    },
  };
}

/**
 * Ends a connection on which nothing more is served. What still comes is read and dropped until the other side closes: otherwise the kernel would
 * reset the connection, and the agent might not get to see why.
 */
function giveUp(socket: Socket): void {
  // Node's parser listens to the data, or to the handle below until somebody else listens.
  socket.on('data', drop);
  for (const listener of socket.listeners('data')) if (listener !== drop) socket.off('data', listener as () => void);
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(late)).resume();
  socket.end(unread, 'latin1');
}

function drop(): void {}
