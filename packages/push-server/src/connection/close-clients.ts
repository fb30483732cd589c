import { engineOf, webSocketOf } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';
import type { HttpEnding } from '../http/http-ending.ts';

/** "Service restart" (https://www.iana.org/assignments/websocket/websocket.xml): what agents close with as well. */
const restart = 1012;

/** How long a client has to take its close frame and to answer it, in milliseconds. */
const goodbyeMs = 1_000;

/**
 * Closes a Socket.IO server. WebSockets of clients that do not answer are cut: an HTTP server does not close before its last connection has. Engine.IO
 * knows only those that carry a session, and `ws` waits 30 s for the answers of the others: of clients in the middle of an upgrade, or just disconnected.
 */
export async function closeClients(io: Server, { cutUpgraded }: HttpEnding): Promise<void> {
  const cut = setTimeout(cutUpgraded, goodbyeMs);
  try {
    for (const connection of Object.values(engineOf(io).clients)) webSocketOf(connection)?.close(restart);
    await io.close();
  } finally {
    clearTimeout(cut);
  }
}
