import type { Server } from 'socket.io';
import type { HttpEnding } from './end-http.ts';

/** How long a client has to take its close frame and to answer it, in milliseconds. */
const goodbyeMs = 1_000;

/**
 * Closes a Socket.IO server. WebSockets of clients that do not answer are cut: an HTTP server does not close before its last connection has. Engine.IO
 * knows only those that carry a session, and `ws` waits 30 s for the answers of the others: of clients in the middle of an upgrade, or just disconnected.
 */
export async function closeClients(io: Server, { cutUpgraded }: HttpEnding): Promise<void> {
  const cut = setTimeout(cutUpgraded, goodbyeMs);
  try {
    await io.close();
  } finally {
    clearTimeout(cut);
  }
}
