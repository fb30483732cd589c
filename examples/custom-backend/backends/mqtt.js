import { createServer } from 'node:http';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** An MQTT broker, for clients over WebSocket. */
export async function createMqtt() {
  const broker = await Aedes.createBroker();
  const server = createServer((_request, response) => response.writeHead(426).end());
  new WebSocketServer({ server, maxPayload: 65_536 }).on('connection', (socket, request) => {
    const stream = createWebSocketStream(socket);
    stream.on('error', () => {});
    broker.handle(stream, request);
  });
  return server;
}
