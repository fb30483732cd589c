import type { Server, ServerResponse } from 'node:http';

/**
 * Closes an HTTP server without failing a request: no new connections, each open one is closed as soon as it has nothing in
 * flight, and what is left after `drainMs` is cut.
 *
 * @param drainMs - longest wait, in milliseconds
 */
export async function drainHttp(server: Server, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Node closes the connections that are idle now; those that become idle later would wait for their keep-alive timeout.
  const closeIdle = setInterval(() => server.closeIdleConnections(), 50);
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
