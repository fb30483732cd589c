import { engineOf, webSocketOf } from '@gopush/slim-socket-io';
import type { Server } from 'socket.io';
import { closeFrameMs } from '../http/close-frame.ts';
import type { HttpEnding } from '../http/http-ending.ts';

/** "Service restart" (https://www.iana.org/assignments/websocket/websocket.xml): agents use it as well. */
const restart = 1012;

/**
 * Closes a Socket.IO server. WebSockets whose clients do not respond to the close frame are cut: an HTTP server
 * closes only after its last connection.
 * Engine.IO knows only the WebSockets of sessions; for others, of clients that are upgrading or were just disconnected, `ws` would wait 30 s.
 */
export async function closeClients(io: Server, ending: HttpEnding): Promise<void> {
  const cut = setTimeout(() => ending.cutUpgraded(), closeFrameMs);
  try {
    for (const connection of Object.values(engineOf(io).clients)) webSocketOf(connection)?.close(restart);
    await io.close();
  } finally {
    clearTimeout(cut);
  }
}
