import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { handsOver } from '../../../../test/support/hands-over.ts';
import { freePort } from '../../../store/test/support/redis.ts';

/** A target for a router: what it has seen, and where it is. */
export interface TestTarget {
  readonly ip: string;
  readonly port: number;
  readonly server: Server;
  readonly requests: IncomingMessage[];
}

/** An HTTP target; without a handler it answers with what it has seen, as JSON. */
export async function startTarget(handler: RequestListener = describe): Promise<TestTarget> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handler(request, response);
  });
  server.on('upgrade', (request) => requests.push(request));
  // A port that no other process takes when the target has gone.
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await takeHandOffs(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ip: '127.0.0.1', port, server, requests };
}

/** If tests run with hand-offs, so do their targets. */
async function takeHandOffs(server: Server): Promise<void> {
  if (!handsOver) return;
  // Not of an agent's package.
  const { acceptHandOffs } = await import('../../../push-server/dist/own-servers.js');
  await acceptHandOffs(server).settled();
}

/** A target that echoes WebSocket messages and says first what it has seen. */
export async function startEchoTarget(): Promise<TestTarget> {
  const target = await startTarget();
  const sockets = new WebSocketServer({ server: target.server });
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => {});
    socket.send(JSON.stringify({ url: request.url, headers: request.headers }));
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  return target;
}

/** A target that is only a TCP listener. */
export async function startRawTarget(onSocket: (socket: Socket) => void): Promise<{ ip: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const describe: RequestListener = async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { method, url, headers, rawHeaders } = request;
  response.end(JSON.stringify({ method, url, headers, rawHeaders, body }));
};

/** Has a target refuse connections until {@link comeBack}. */
export async function goAway({ server }: TestTarget): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Has a target listen again where it did before. */
export async function comeBack({ server, port }: TestTarget): Promise<void> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
}
