import type { Server } from 'socket.io';

/** What is used here of a connection of Engine.IO. */
interface Connection {
  readonly transport: { readonly socket?: { terminate?(): void } };
}

/** How long a client has to take its close frame and to answer it, in milliseconds. */
const goodbyeMs = 1_000;

/** Closes a Socket.IO server. Clients that do not answer are cut: an HTTP server does not close before its last connection has. */
export async function closeClients(io: Server): Promise<void> {
  const connections = Object.values((io.engine as unknown as { clients: Record<string, Connection> }).clients);
  const cut = setTimeout(() => {
    for (const { transport } of connections) transport.socket?.terminate?.();
  }, goodbyeMs);
  try {
    await io.close();
  } finally {
    clearTimeout(cut);
  }
}
