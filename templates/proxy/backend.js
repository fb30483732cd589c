/** A back end as you may have one: HTTP and WebSockets on a port, and nothing of gopush in it. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** @param {number} port 0: any free one */
export async function startBackend(port) {
  const page = await readFile(new URL('public/index.html', import.meta.url));
  const server = createServer((request, response) => {
    // The agent sets it, and removes what the client sends.
    const user = request.headers['x-gopush-uid'];
    if (request.url === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
    else if (request.url === '/health') response.end('ok\n');
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ user, port: portOf(server) }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (text) => socket.send(`${portOf(server)} heard ${text}`));
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  return { port: portOf(server), close: () => closeAll(server, sockets) };
}

/** @param {import('node:http').Server} server */
function portOf(server) {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** @param {import('node:http').Server} server @param {WebSocketServer} sockets */
function closeAll(server, sockets) {
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  server.close();
}
