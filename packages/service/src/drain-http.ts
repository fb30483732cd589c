import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';

/**
 * Closes an HTTP server without failing a request. It accepts no new connections, closes each open one as soon as no request is in progress, and
 * cuts the rest after `drainMs`.
 *
 * @param drainMs - longest wait, in milliseconds
 * @param idleMs - how long an idle connection stays open, in milliseconds: a request may be on its way. After the server's `keepAliveTimeout`
 *   clients expect the close. @defaultValue 0
 */
export async function drainHttp(server: Server, drainMs: number, idleMs = 0): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // `close` of an HTTP server closes idle connections; that of a TCP server does not.
    if (idleMs === 0) server.close(() => resolve());
    else NetServer.prototype.close.call(server, () => resolve());
  });
  // Connections that become idle later would wait for their keep-alive timeout.
  const idleFrom = performance.now() + idleMs;
  const closeIdle = setInterval(() => {
    if (performance.now() >= idleFrom) server.closeIdleConnections();
  }, 50);
  const closeAfterResponse = (_request: unknown, response: ServerResponse): void => {
    response.shouldKeepAlive = false;
  };
  server.prependListener('request', closeAfterResponse);
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(cut);
  server.off('request', closeAfterResponse);
}
