import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';

/**
 * Closes an HTTP server without failing a request: no new connections, each open one is closed as soon as it has nothing in
 * flight, and what is left after `drainMs` is cut.
 *
 * @param drainMs - longest wait, in milliseconds
 * @param idleMs - how long a connection with nothing in flight stays, in milliseconds: a request may be on its way already. Above the
 *   server's `keepAliveTimeout` clients know themselves when to go. @defaultValue 0
 */
export async function drainHttp(server: Server, drainMs: number, idleMs = 0): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // Node's close of an HTTP server closes the connections that are idle now, that of a TCP server does not.
    if (idleMs === 0) server.close(() => resolve());
    else NetServer.prototype.close.call(server, () => resolve());
  });
  // Those that become idle later would wait for their keep-alive timeout.
  const idleFrom = performance.now() + idleMs;
  const closeIdle = setInterval(() => {
    if (performance.now() >= idleFrom) server.closeIdleConnections();
  }, 50);
  const sayClose = (_request: unknown, response: ServerResponse): void => {
    response.shouldKeepAlive = false;
  };
  server.prependListener('request', sayClose);
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(cut);
  server.off('request', sayClose);
}
