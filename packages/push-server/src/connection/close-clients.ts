import type { Server } from 'socket.io';
import type { HttpEnding } from '../http/http-ending.ts';

/** What is used here of a connection of Engine.IO. */
interface Connection {
  readonly transport: { readonly name: string; readonly socket?: { close?(code: number): void } };
}

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
  const { clients } = io.engine as unknown as { readonly clients: Readonly<Record<string, Connection>> };
  try {
    for (const { transport } of Object.values(clients)) {
      if (transport.name === 'websocket') transport.socket?.close?.(restart);
    }
    await io.close();
  } finally {
    clearTimeout(cut);
  }
}
