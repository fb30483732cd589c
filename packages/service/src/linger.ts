import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/**
 * How much of a body is still read after its response was sent, since clients may read the response only after sending all: most bytes, longest
 * time and longest pause in milliseconds (as nginx's `lingering_time` and `lingering_timeout`).
 */
const most = { bytes: 64 * 1024 * 1024, totalMs: 30_000, idleMs: 5_000 } as const;

/** Time between two checks of how much has arrived, in milliseconds. */
const lookMs = 20;

/**
 * Makes a server read the rest of an incomplete request after the last response of a connection. If it closed at once, the kernel would reset the
 * connection, and the client would lose the response. If the connection stays open, the rest of a request is read up to the same bound.
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

/** Ends a connection, and discards what still arrives until the other side closes or has sent too much. */
export function linger(socket: Socket): void {
  const until = socket.bytesRead + most.bytes;
  const onData = (): void => {
    if (socket.bytesRead > until) socket.destroy();
  };
  // Node's parser listens to the data, or reads the handle directly while nothing else listens.
  socket.on('data', onData);
  for (const listener of socket.listeners('data')) if (listener !== onData) socket.off('data', listener as () => void);
  const late = setTimeout(() => socket.destroy(), most.totalMs);
  socket.once('end', () => socket.destroy()).once('close', () => clearTimeout(late));
  socket.setTimeout(most.idleMs, () => socket.destroy());
  socket.end();
  socket.resume();
}

/** Ends the connection of a request that has its response, if the rest of its body is too long or takes too long. */
function limitRest(request: IncomingMessage, socket: Socket): void {
  // A hook may have destroyed the request, which has no socket then.
  if (socket.destroyed) return;
  const until = socket.bytesRead + most.bytes;
  const late = performance.now() + most.totalMs;
  // Not by `data` events: there are none if no handler has read the request.
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
