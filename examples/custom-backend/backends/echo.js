import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** A plain WebSocket service: says again what it hears, and who said it. The agent has put the user into a header. */
export function createEcho() {
  const server = createServer((_request, response) => response.writeHead(426).end());
  new WebSocketServer({ server, maxPayload: 65_536 }).on('connection', (socket, { headers }) => {
    const user = decodeURIComponent(headers['x-gopush-uid'] ?? 'nobody');
    socket.on('error', () => {});
    socket.on('message', (data) => socket.send(`${user} says ${data}`));
  });
  return server;
}
