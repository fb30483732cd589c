import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { type Config, type ConfigInput, createConfig } from '@gopush/contract';
import { createLifetime, drainHttp, type Logger, listen, silentLogger, urlOf } from '@gopush/service';
import { Server } from 'socket.io';
import { handleConnection, identify } from './connection.ts';
import { writeFast } from './emit/write-fast.ts';
import { meshFolder, startEmbeddedFanout } from './fanout/embedded.ts';
import type { Fanout } from './fanout/fanout.ts';
import { startRedisFanout } from './fanout/redis.ts';
import { createFileHandler } from './files.ts';
import { createPush, type Push } from './rooms/push.ts';

/** What a push-server is started with. */
export interface PushServerOptions {
  /** Settings, as in a config file. @defaultValue all defaults */
  readonly config?: ConfigInput;
  /** Which of the push-servers this is; its port is `serverPortStart` plus this. @defaultValue 0 */
  readonly index?: number;
  /** Folder of the project. @defaultValue the current one */
  readonly dir?: string;
  /** Name of this push-server, told to clients and in logs. @defaultValue `'push-server-<index>'` */
  readonly node?: string;
  /** @defaultValue writes nothing */
  readonly logger?: Logger;
  /** Whether the port is not to be shared with other workers of a cluster. @defaultValue false */
  readonly exclusive?: boolean;
}

/** A running push-server. */
export interface PushServer {
  /** Where it can be reached from this machine. */
  readonly url: string;
  readonly port: number;
  /** The Socket.IO server. */
  readonly io: Server;
  /** Speaks to rooms and users, whichever push-server they are on. */
  readonly push: Push;
  /** Stops gracefully: no new connections, requests in flight end, clients are let go so that they reconnect elsewhere. */
  close(): Promise<void>;
}

/**
 * Starts a realtime backend.
 *
 * @throws ListenError for a port that cannot be had, TypeError for a wrong setting
 */
export async function startPushServer(options: PushServerOptions = {}): Promise<PushServer> {
  const { index = 0, dir = process.cwd(), logger: log = silentLogger, exclusive = false } = options;
  const node = options.node ?? `push-server-${index}`;
  const config = createConfig(options.config);
  const { pushServer, serverPortStart } = config;
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  try {
    const fanout = await startFanout(config, dir, log);
    lifetime.opened('fan-out', fanout.close);
    const { publicDir } = pushServer;
    const http = createServer(createFileHandler(publicDir === undefined ? undefined : resolve(dir, publicDir)));
    const io = new Server(http, {
      pingInterval: pushServer.pingIntervalMs,
      pingTimeout: pushServer.pingTimeoutMs,
      maxHttpBufferSize: pushServer.maxMessageBytes,
      ...corsFor(config.access.allowedOrigins),
    });
    writeFast(io);
    io.adapter(fanout.adapter);
    lifetime.opened('Socket.IO', async () => {
      // Not disconnectSockets: its clients would take it for a wish of ours and never come back.
      const drained = drainHttp(http, pushServer.drainMs);
      await io.close();
      await drained;
    });
    const push = createPush(io);
    io.use(identify);
    io.on('connection', (socket) => handleConnection(socket, { node, push, log }));
    await fanout.joined();

    const port = serverPortStart === 0 ? 0 : serverPortStart + index;
    const address = await listen(http, { host: pushServer.host, port, exclusive });
    const url = urlOf(address);
    log.info({ url, fanout: fanout.kind }, 'push-server listening');
    return { url, port: address.port, io, push, close: lifetime.close };
  } catch (error) {
    await lifetime.close();
    throw error;
  }
}

function startFanout(config: Config, dir: string, log: Logger): Promise<Fanout> {
  const { redisAdapter, pushServer, serverPortStart } = config;
  if (redisAdapter !== null) return startRedisFanout(redisAdapter, log);
  return startEmbeddedFanout(
    pushServer.fanoutDir === undefined ? meshFolder(dir, serverPortStart) : resolve(dir, pushServer.fanoutDir),
    log,
  );
}

/** Pages of other origins need CORS for long-polling. */
function corsFor(allowedOrigins: readonly string[]): { cors?: { origin: string[] | true; credentials: boolean } } {
  if (allowedOrigins.length === 0) return {};
  return { cors: { origin: allowedOrigins.includes('*') ? true : [...allowedOrigins], credentials: true } };
}
