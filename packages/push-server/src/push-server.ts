import { createServer, type RequestListener } from 'node:http';
import { resolve } from 'node:path';
import { type Config, type ConfigInput, createConfig, events, type PresenceEvent, writeMark } from '@gopush/contract';
import type { HookLocation } from '@gopush/hooks';
import { createLifetime, createMetrics, drainHttp, type Logger, listen, silentLogger, urlOf } from '@gopush/service';
import { openStore } from '@gopush/store';
import { Server } from 'socket.io';
import { openAdminUi } from './admin-ui.ts';
import { createAnnouncement } from './announcement.ts';
import { openApi } from './api/open-api.ts';
import { isForApi } from './api/split-url.ts';
import { createAddressOf } from './client-address.ts';
import { admit, type ConnectionContext, clientOf, handleConnection } from './connection.ts';
import { emitLocal } from './emit/emit-local.ts';
import { writeFast } from './emit/write-fast.ts';
import { meshFolder, startEmbeddedFanout } from './fanout/embedded.ts';
import type { Fanout } from './fanout/fanout.ts';
import { startRedisFanout } from './fanout/redis.ts';
import { createFileHandler } from './files.ts';
import { openHook } from './hook/open-hook.ts';
import { createRules } from './hook/rules.ts';
import type { ServerHook } from './hook/server-hook.ts';
import { createLimits } from './limits/limits.ts';
import { measureStore } from './observe/measure-store.ts';
import { openObservation } from './observe/observation.ts';
import { describeStoreCalls } from './observe/server-metrics.ts';
import { createAttendance } from './presence/attendance.ts';
import { createPush, type Push, type PushCounts } from './rooms/push.ts';
import { nameOf, roomOfUser, slowClients } from './rooms/room-names.ts';
import { createTaps } from './rooms/taps.ts';
import type { Session, SessionContext } from './session.ts';
import { RecentDeliveries } from './sessions/recent-deliveries.ts';
import { createRecovery } from './sessions/recovery.ts';
import { createSeamless } from './sessions/seamless.ts';
import { openWebhooks } from './webhooks/open-webhooks.ts';

/** What a push-server is started with. */
export interface PushServerOptions {
  /** Settings, as in a config file. @defaultValue all defaults */
  readonly config?: ConfigInput;
  /** The server hook itself, or where its file is. @defaultValue none: all clients may enter all rooms, and speak to those they are in */
  readonly hooks?: ServerHook | HookLocation;
  /** Which of the push-servers of this machine this is; its port is `serverPortStart` plus this, that of its admin listener `admin.serverPort` plus this. @defaultValue 0 */
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
  /** Where its admin listener can be reached; `undefined` where it has none. */
  readonly adminUrl: string | undefined;
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
 * @throws HookError for a hook that cannot be used, ListenError for a port that cannot be had, TypeError for a wrong setting
 */
export async function startPushServer(options: PushServerOptions = {}): Promise<PushServer> {
  const { index = 0, dir = process.cwd(), logger: log = silentLogger, exclusive = false } = options;
  const node = options.node ?? `push-server-${index}`;
  const config = createConfig(options.config);
  const { pushServer, serverPortStart } = config;
  const { recoveryMs } = pushServer;
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  try {
    const fanout = await startFanout(config, dir, log);
    lifetime.opened('fan-out', fanout.close);
    const metrics = createMetrics('gopush_server_');
    lifetime.opened('metrics', metrics.close);
    const store = measureStore(await openStore(config, dir), describeStoreCalls(metrics));
    lifetime.opened('store', store.close);
    const observation = await openObservation({ config, index, node, metrics, fanout, store, log }, lifetime.opened);
    let clients = (): number => 0;
    const announcement = createAnnouncement({
      registry: store.registry,
      id: fanout.bus.node,
      config: pushServer,
      load: () => clients(),
      log,
    });
    lifetime.opened('announcement', announcement.close);
    const webhooks = openWebhooks(config, dir, node, log);
    lifetime.opened('webhooks', webhooks.close);
    const hook = await openHook(options.hooks ?? {}, config, log);
    lifetime.opened('server hook', hook.close);
    // Those who leave because of a stop are told of as well.
    const unfinished = new Set<Promise<void>>();
    lifetime.opened('calls of the server hook', async () => void (await Promise.all(unfinished)));
    const { publicDir } = pushServer;
    const files = createFileHandler(publicDir === undefined ? undefined : resolve(dir, publicDir));
    let apiHandler: RequestListener = files;
    const http = createServer((request, response) => (isForApi(request.url) ? apiHandler : files)(request, response));
    const io = new Server(http, {
      pingInterval: pushServer.pingIntervalMs,
      pingTimeout: pushServer.pingTimeoutMs,
      maxHttpBufferSize: pushServer.maxMessageBytes,
      // The API takes upgrades, too, and ends those that nobody takes.
      destroyUpgrade: false,
      ...corsFor(config.access.allowedOrigins),
      ...(recoveryMs === 0
        ? {}
        : { connectionStateRecovery: { maxDisconnectionDuration: recoveryMs, skipMiddlewares: false } }),
    });
    clients = () => io.engine.clientsCount;
    writeFast(io);
    io.adapter(fanout.adapter);
    let closing: Promise<void> | undefined;
    const closeIo = (): Promise<void> => (closing ??= io.close());
    lifetime.opened('Socket.IO', closeIo);
    const recent = new RecentDeliveries();
    const limits = createLimits({ io, config: pushServer.limits, presence: store.presence, log });
    lifetime.opened('limits', limits.close);
    const counts: PushCounts = {
      published: 0,
      kept: 0,
      notKept: 0,
      gaps: 0,
      filled: 0,
      recovered: 0,
      notRecovered: 0,
    };
    const taps = createTaps();
    const {
      push,
      feeds,
      listen: hear,
      tellBack,
    } = createPush({
      io,
      store,
      bus: fanout.bus,
      config: pushServer,
      log,
      counts,
      recent,
      taps,
      ...(webhooks.wants('message')
        ? { onSaid: (room, said) => webhooks.tell('message', { ...nameOf(room), ...said }) }
        : {}),
      emit(room, except, args, volatile) {
        const leftOut = [...(except === undefined ? [] : [except]), ...(volatile === true ? [slowClients] : [])];
        emitLocal(io.of('/'), [room], leftOut, args as [string, ...unknown[]]);
      },
    });
    lifetime.opened('rooms', feeds.close);
    const attendance = createAttendance({
      presence: store.presence,
      node: fanout.bus.node,
      leaseMs: pushServer.leaseMs,
      graceMs: pushServer.graceMs,
      onChange(room, uid, change) {
        if (!pushServer.presenceEvents) return;
        const event: PresenceEvent = { room: room.slice(2), uid, change };
        void push.toRoom(event.room, events.presenceChange, event, { keep: 'no' });
      },
      onRestored() {
        feeds.catchUp('bus');
        for (const session of sessions.all.values()) session.inbox.wake();
      },
      onUser: (uid, change) => webhooks.tell(change === 'connected' ? 'connect' : 'disconnect', { uid }),
      onRoom: (room, uid, change) =>
        webhooks.tell(change === 'occupied' ? 'room_occupied' : 'room_empty', { room: room.slice(2), uid }),
      log,
    });
    lifetime.opened('presence', attendance.close);
    const { node: name } = fanout.bus;
    const recovery = createRecovery({
      io,
      store: store.sessions,
      keepMs: Math.max(recoveryMs, 1),
      tellBack(pid) {
        letGo(pid);
        tellBack(pid);
      },
      mark: () => writeMark({ epoch: name, offset: recent.count }),
      log,
    });
    const all = new Map<string, Session>();
    const seamless = createSeamless({
      io,
      http,
      store: store.sessions,
      recovery,
      node: name,
      sessions: all,
      keepMs: Math.max(recoveryMs, 1_000),
      answerMs: pushServer.answerMs,
      secrets: config.access.secrets,
      log,
    });
    lifetime.opened('sessions', seamless.close);
    /** As long as the end of a connection may go unnoticed. */
    const doubtMs = pushServer.pingIntervalMs + pushServer.pingTimeoutMs + 5_000;
    const sessions: SessionContext = { feeds, attendance, store, log, onChange: seamless.keep, all, recent, doubtMs };
    const keepForRecovery = (session: Session): void => {
      if (recoveryMs === 0 || !session.isRecoverable) return;
      recovery.persist({
        engineId: '',
        uid: session.client.uid,
        node: name,
        isExact: true,
        ...session.tail(Date.now()),
        sockets: [session.describe(session.positions, session.inbox.acknowledged)],
      });
    };
    const offState = store.onState((state) => {
      if (state === 'up') attendance.storeIsBack();
    });
    lifetime.opened('presence after outages', async () => offState());
    /** A connection that has ended without a word: its client is back. */
    const letGo = (pid: string): void => {
      for (const { socket } of sessions.all.values()) {
        if ((socket as unknown as { pid: string }).pid === pid) socket.conn.close(true);
      }
    };
    const ofUser = (uid: string): Session[] =>
      [...(io.of('/').adapter.rooms.get(roomOfUser(uid)) ?? [])].flatMap((id) => sessions.all.get(id) ?? []);
    hear({
      onInbox(uid) {
        for (const session of ofUser(uid)) session.inbox.wake();
      },
      onBack: letGo,
      onEnd: (uid) => api.endUser(uid),
      onMove(uid, room, change) {
        if (change === 'leave') api.endUser(uid, room);
        for (const session of ofUser(uid)) {
          if (change === 'leave') session.leave(room);
          else
            session
              .join({ room })
              .catch((error: unknown) => log.error({ err: error }, 'a client could not be put into a room'));
        }
      },
    });
    const context: ConnectionContext = {
      node,
      push,
      sessions,
      recovery,
      keepForRecovery,
      limits,
      secrets: config.access.secrets,
      rules: createRules(hook.current, config.hooks.timeoutMs),
      addressOf: createAddressOf(config.access.trustedProxies),
      log,
      keep(work) {
        unfinished.add(work);
        void work.finally(() => unfinished.delete(work));
      },
    };
    const { rules, addressOf, keep } = context;
    const listening = { feeds, taps, attendance, history: store.history };
    const api = openApi({ config, push, rules, addressOf, listening, log, keep }, files);
    let apiClosing: Promise<void> | undefined;
    const closeApi = (): Promise<void> => (apiClosing ??= Promise.resolve(api.close()));
    lifetime.opened('API', closeApi);
    apiHandler = api.handle;
    http.on('upgrade', api.upgrade);
    io.use((socket, next) => void admit(socket, next, context));
    io.on('connection', (socket) => handleConnection(socket, context));
    if (pushServer.adminUi !== null) {
      lifetime.opened('admin page', await openAdminUi(io, pushServer.adminUi, node));
    }
    await hook.start({ io, push, clientOf });
    await fanout.joined();
    observation.show({ node, io, fanout, store, limits, counts }, http);

    const port = serverPortStart === 0 ? 0 : serverPortStart + index;
    const address = await listen(http, { host: pushServer.host, port, exclusive });
    lifetime.opened('listener', async () => {
      const drained = drainHttp(http, pushServer.drainMs);
      await closeApi();
      await seamless.drain(pushServer.drainMs);
      // Not disconnectSockets: clients would take it for a wish of ours and never come back.
      await closeIo();
      await drained;
    });
    const url = urlOf(address);
    lifetime.opened('readiness', () => {
      observation.stopping();
      return announcement.draining();
    });
    await announcement.ready(address);
    const { adminUrl } = observation;
    log.info({ url, admin: adminUrl, fanout: fanout.kind }, 'push-server listening');
    return { url, port: address.port, adminUrl, io, push, close: lifetime.close };
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
