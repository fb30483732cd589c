import type { Server as HttpServer } from 'node:http';
import type { Config } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import { perMinute, perSecond } from '@gopush/service';
import { checkSocketIo, slimSocketIo } from '@gopush/slim-socket-io';
import { Server } from 'socket.io';
import { escapeForeignPositions } from '../emit/position-escape.ts';
import type { AdapterFactory } from '../fanout/adapter/adapter-factory.ts';
import { noteConnections, notesFor } from '../hand-off/note-connections.ts';
import { type Guard, guardPackets } from '../limits/guard-received-packets.ts';
import { clientOfConnection } from '../migration/client/migrating-client.ts';

/**
 * Creates the Socket.IO server.
 *
 * @throws Error if gopush cannot use the installed versions of Socket.IO, Engine.IO and `ws`
 */
export async function createIo(
  http: HttpServer,
  { pushServer, handOff }: Config,
  adapter: AdapterFactory,
  log: Logger,
): Promise<{ readonly io: Server; readonly clientGuard: Guard }> {
  const support = await checkSocketIo();
  for (const warning of support.warnings) log.warn(warning);
  const { recoveryMs } = pushServer;
  const io = new Server({
    path: pushServer.path,
    allowEIO3: pushServer.allowEIO3,
    pingInterval: pushServer.pingIntervalMs,
    pingTimeout: pushServer.pingTimeoutMs,
    maxHttpBufferSize: pushServer.maxMessageBytes,
    // The API handles upgrades as well, and refuses those that nothing handles.
    destroyUpgrade: false,
    // Clients can create namespaces that match a pattern.
    cleanupEmptyChildNamespaces: true,
    // A client that comes back is admitted like any other.
    ...(recoveryMs === 0
      ? {}
      : { connectionStateRecovery: { maxDisconnectionDuration: recoveryMs, skipMiddlewares: false } }),
  });
  const { namespacesPerConnection: namespaces, messagesPerSecond, bytesPerMinute } = pushServer.limits;
  const { maxMessageBytes } = pushServer;
  const guard = guardPackets(io, {
    namespaces,
    messages: messagesPerSecond > 0 ? perSecond(messagesPerSecond) : undefined,
    bytes: bytesPerMinute > 0 ? perMinute(bytesPerMinute) : undefined,
    maxMessageBytes,
  });
  escapeForeignPositions(io);
  io.attach(http);
  slimSocketIo(io, { ...support, notesFor: handOff.enabled ? notesFor : undefined });
  if (handOff.enabled) noteConnections(io, (conn) => clientOfConnection(conn).decoder.reconstructor != null);
  io.adapter(adapter);
  return { io, clientGuard: guard };
}
