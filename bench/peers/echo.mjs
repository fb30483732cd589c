/** The Node server behind the proxies: echoes on WebSockets, responds to GET with 1 KB, and takes connections that are handed over. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { acceptHandOffs } from '@gopush/push-server/own-servers';
import { WebSocketServer } from 'ws';
import { port, ready } from './settle.mjs';

const body = Buffer.alloc(1_024, 'x');
const server = createServer((_request, response) => response.end(body));
const webSockets = new WebSocketServer({ server, perMessageDeflate: false });
webSockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
});
acceptHandOffs(server, { dir: join(process.argv[4], 'hand-off') });
server.listen(port, '127.0.0.1', 4_096, ready);
