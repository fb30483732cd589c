import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/**
 * How much of a body is still taken after its response has gone out, as clients read that only when they have sent all: the bytes, and how
 * long it may take and stand still, in milliseconds (as `lingering_time` and `lingering_timeout` of nginx).
 */
const most = { bytes: 64 * 1024 * 1024, totalMs: 30_000, idleMs: 5_000 } as const;

/** How often it is looked how much has come, in milliseconds. */
const lookMs = 20;

/**
 * Has a server take some more of a request after the last response of a connection, where the request is not whole: closed at once, the kernel
 * would reset the connection, and the client lose the response. Where the connection stays, the rest of a request is taken only up to a bound.
 */
export function lingerAfterResponses(server: Server): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket, headers } = request;
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return;
    // Called by Node after the last response of a connection.
    socket.destroySoon = () => {
      if (request.complete || socket.destroyed) Socket.prototype.destroySoon.call(socket);
      else linger(socket);
    };
    response.once('finish', () => {
      if (!request.complete && response.shouldKeepAlive) limitRest(request, socket);
    });
  });
}

/** Ends a connection, and takes what still comes on it, to no use, until the other side closes or has sent too much. */
export function linger(socket: Socket): void {
  const until = socket.bytesRead + most.bytes;
  const onData = (): void => {
    if (socket.bytesRead > until) socket.destroy();
  };
  // Node's parser listens to the data, or to the handle below until somebody else listens.
  socket.on('data', onData);
  for (const listener of socket.listeners('data')) if (listener !== onData) socket.off('data', listener as () => void);
  const late = setTimeout(() => socket.destroy(), most.totalMs);
  socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(late));
  socket.setTimeout(most.idleMs, () => socket.destroy());
  socket.end();
  socket.resume();
}

/** Ends the connection of a request that has its response, should the rest of it be too long or take too long. */
function limitRest(request: IncomingMessage, socket: Socket): void {
  // A hook may have destroyed the request, which has no socket then.
  if (socket.destroyed) return;
  const until = socket.bytesRead + most.bytes;
  const late = performance.now() + most.totalMs;
  // Not by its data: Node tells of none where nobody has read the request.
  const watch = setInterval(() => {
    if (socket.bytesRead > until || performance.now() > late) socket.destroy();
  }, lookMs);
  const over = (): void => {
    clearInterval(watch);
    socket.off('close', over);
  };
  socket.once('close', over);
  request.once('end', over);
}
