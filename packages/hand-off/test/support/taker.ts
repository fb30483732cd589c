import { createServer, type Server } from 'node:http';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { openTaker } from '../../src/taker/open-taker.ts';
import type { TakenConnection } from '../../src/taker/taken-connection.ts';
import type { Taker, TakerOptions } from '../../src/taker/taker.ts';

/** A taker in this process, with a WebSocket server that says hello and echoes. */
export interface TakerHere {
  readonly taker: Taker;
  readonly server: Server;
  readonly sockets: WebSocketServer;
  readonly taken: TakenConnection[];
  readonly faults: unknown[];
  readonly closeRequests: { readonly code: number; readonly cause: string }[];
  readonly givers: { readonly name: string; readonly state: string; readonly reason: string | undefined }[];
}

let lastPort = 10_000;

/** A number that no other test uses: takers are only found by it. */
export function freePort(): number {
  return lastPort++;
}

export async function takeHere(dir: string, port: number, options: Partial<TakerOptions> = {}): Promise<TakerHere> {
  const server = createServer((request, response) => response.end(`plain ${request.url}`));
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, path: '/' });
  sockets.on('connection', (socket) => {
    socket.send('hello');
    socket.on('message', (data) => socket.send(`echo ${data}`));
    socket.on('error', () => {});
  });
  const taken: TakenConnection[] = [];
  const faults: unknown[] = [];
  const closeRequests: TakerHere['closeRequests'] = [];
  const givers: TakerHere['givers'] = [];
  const taker = await openTaker({
    dir,
    port,
    name: `taker ${port}`,
    onConnection(connection) {
      taken.push(connection);
      server.emit('connection', connection.socket);
    },
    onCloseRequest(connection, code, cause) {
      closeRequests.push({ code, cause });
      connection.ending = { code, cause };
      connection.socket.end();
    },
    onGiver: (name, state, reason) => givers.push({ name, state, reason }),
    onFault: (error) => faults.push(error),
    ...options,
  });
  onTestFinished(async () => {
    for (const { socket } of taken) socket.destroy();
    sockets.close();
    await taker.close();
  });
  return { taker, server, sockets, taken, faults, closeRequests, givers };
}
