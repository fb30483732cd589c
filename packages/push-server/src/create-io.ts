import type { Server as HttpServer } from 'node:http';
import type { Config } from '@gopush/contract';
import { Server } from 'socket.io';
import { writeFast } from './emit/write-fast.ts';
import type { AdapterFactory } from './fanout/fanout.ts';

/** Makes the Socket.IO server as the settings want it. */
export function createIo(http: HttpServer, { pushServer, access }: Config, adapter: AdapterFactory): Server {
  const { recoveryMs } = pushServer;
  const io = new Server(http, {
    pingInterval: pushServer.pingIntervalMs,
    pingTimeout: pushServer.pingTimeoutMs,
    maxHttpBufferSize: pushServer.maxMessageBytes,
    // The API takes upgrades, too, and ends those that nobody takes.
    destroyUpgrade: false,
    ...corsFor([...access.allowedOrigins, ...pushServer.allowedOrigins]),
    // Whoever comes back is looked at as anyone who comes.
    ...(recoveryMs === 0
      ? {}
      : { connectionStateRecovery: { maxDisconnectionDuration: recoveryMs, skipMiddlewares: false } }),
  });
  writeFast(io);
  io.adapter(adapter);
  return io;
}

/** Pages of other origins need CORS for long-polling. */
function corsFor(allowedOrigins: readonly string[]): { cors?: { origin: string[] | true; credentials: boolean } } {
  if (allowedOrigins.length === 0) return {};
  return { cors: { origin: allowedOrigins.includes('*') ? true : [...allowedOrigins], credentials: true } };
}
