import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { agentHeader, drainingHeader } from '@gopush/contract';

/**
 * How long the stop is announced before the listener closes, in milliseconds: until no request of an agent has come for a while, since a connection
 * that is not accepted yet would be reset with its request. It is counted in parts of `quietMs`: time in which this process stood still does not
 * count as time without a request.
 */
const announcing = { leastMs: 200, quietMs: 100, mostMs: 1_000 } as const;

/** Turns of the event loop until the requests on connections that wait to be accepted have been read: one accepts, one reads, one to spare. */
const turnsToRead = 3;

/** How long an agent may take to close a connection that was given up, in milliseconds. */
export const lingerMs = 300;

/** Tells an agent that a request which is on its way was not read, and may be sent again, whatever its method (RFC 9110 section 15.5.9). */
const unread = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** A connection that has not been upgraded. */
interface HttpConnection {
  /** Requests that have no complete response. */
  requests: number;
  /** Whether its last request was of an agent. */
  isAgent: boolean;
}

/** Ends the HTTP connections of a push-server so that no request is lost. Follows them from the start of the server. */
export class HttpEnding {
  readonly #open = new Map<Socket, HttpConnection>();
  readonly #upgraded = new Set<Socket>();
  #isAnnounced = false;
  /** Requests of agents since the stop was announced. */
  #asked = 0;

  constructor(server: Server) {
    const [open, upgraded] = [this.#open, this.#upgraded];
    function forget(this: Socket): void {
      if (!open.delete(this)) upgraded.delete(this);
    }
    server.on('connection', (socket: Socket) => {
      this.#open.set(socket, { requests: 0, isAgent: false });
      // The same function for all, since a wrapper for each would stay as long as its connection.
      socket.on('close', forget);
    });
    server.prependListener('upgrade', ({ socket }: IncomingMessage) => {
      if (this.#open.delete(socket)) this.#upgraded.add(socket);
    });
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response),
    );
  }

  /** Makes each response the last of its connection, tells agents in a header that this push-server stops, and gives them a moment to react. */
  async announce(): Promise<void> {
    this.#isAnnounced = true;
    await readAll();
    if (this.#open.size === 0) return;
    const { leastMs, quietMs, mostMs } = announcing;
    await delay(leastMs - quietMs);
    for (let left = (mostMs - leastMs) / quietMs; left >= 0; left--) {
      const before = this.#asked;
      await delay(quietMs);
      await readAll();
      if (this.#asked === before) return;
    }
  }

  /** Closes the connections that agents keep for later requests. */
  closeKept(): void {
    for (const [socket, { requests, isAgent }] of this.#open) {
      if (requests === 0 && isAgent) giveUp(socket);
    }
  }

  /** Cuts the WebSockets that are still open: those of clients, those that were about to open, and those that are closing. */
  cutUpgraded(): void {
    for (const socket of this.#upgraded) socket.destroy();
  }

  #onRequest({ socket, headers }: IncomingMessage, response: ServerResponse): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests++;
    connection.isAgent = headers[agentHeader] !== undefined;
    response.once('close', () => connection.requests--);
    if (!this.#isAnnounced) return;
    response.shouldKeepAlive = false;
    if (!connection.isAgent) return;
    this.#asked++;
    response.setHeader(drainingHeader, '1');
  }
}

/** Resolves when all that has arrived by now is read. */
async function readAll(): Promise<void> {
  for (let turn = 0; turn < turnsToRead; turn++) await nextTurn();
}

/**
 * Closes a connection on which nothing more is served. What still comes is read and dropped until the other side closes: otherwise the kernel would
 * reset the connection, and the agent might not receive the response.
 */
function giveUp(socket: Socket): void {
  // Node's parser listens to the data, or to the handle below it until another listener is added.
  socket.on('data', drop);
  for (const listener of socket.listeners('data')) if (listener !== drop) socket.off('data', listener as () => void);
  const late = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(late)).resume();
  socket.end(unread, 'latin1');
}

function drop(): void {}
