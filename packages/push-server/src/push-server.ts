import type { RequestListener } from 'node:http';
import { resolve } from 'node:path';
import {
  type ConfigInput,
  createConfig,
  type Failure,
  isForApi,
  type KeysOf,
  refuseUnknownKeys,
  settleLocalPages,
} from '@gopush/contract';
import type { HookLocation } from '@gopush/hooks';
import {
  answerExpectations,
  checkLogger,
  createLifetime,
  createLimitedWarning,
  createMetrics,
  defaultLogger,
  drainHttp,
  type Logger,
  lingerAfterResponses,
  listen,
  nodeName,
  refuseBadRequests,
  urlOf,
  useOriginForm,
} from '@gopush/service';
import { openStore } from '@gopush/store';
import type { Server } from 'socket.io';
import { createAddressOf } from './access/client-address.ts';
import { createIdentityCheck } from './access/identity-check.ts';
import { guard } from './access/page-gate.ts';
import { guardSessions } from './access/session-gate.ts';
import { openAdminUi } from './admin-ui/open-admin-ui.ts';
import { createAnnouncement } from './announcement/announcement.ts';
import { openApi } from './api/open-api.ts';
import { closeClients } from './connection/close-clients.ts';
import { createIo } from './connection/create-io.ts';
import {
  admit,
  type ConnectionContext,
  clientOf,
  errorOf,
  handleConnections,
} from './connection/handle-connections.ts';
import { openSessions } from './connection/open-sessions.ts';
import { followRoomsOfHandlers, SocketIoClients } from './connection/socket-io-clients.ts';
import { containAdapter } from './fanout/adapter/contain-adapter.ts';
import { forgiveLeaving } from './fanout/adapter/forgive-leaving.ts';
import { localFirst } from './fanout/adapter/local-first.ts';
import { openFanout } from './fanout/open-fanout.ts';
import { logFailure } from './hook/log-failure.ts';
import { openHook } from './hook/open-hook.ts';
import { createRules } from './hook/rules.ts';
import type { ServerHook } from './hook/server-hook.ts';
import { createHttp } from './http/create-http.ts';
import { createFileHandler } from './http/file-handler.ts';
import { lingerMs, watchHttp } from './http/http-ending.ts';
import { refuseUpgrade } from './http/refuse-upgrade.ts';
import { createLimits } from './limits/limits.ts';
import { measureStore } from './observe/measure-store.ts';
import { openObservation } from './observe/observation.ts';
import { describeApiRequests, describeStoreCalls } from './observe/server-metrics.ts';
import { openRooms } from './rooms/open-rooms.ts';
import type { Push } from './rooms/publish/push.ts';
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
  /** Name of this push-server, in logs and to its peers. Clients are told it as well, but as `push-server-<index>` where it ends so. @defaultValue `<processes.machine, or the host name>-push-server-<index>` */
  readonly node?: string;
  /** Adds handlers of the program's own, besides those of the server hook; what it returns undoes that at the end. */
  readonly setup?: NonNullable<ServerHook['setup']>;
  /** @defaultValue writes warnings and errors to standard error; `config.log` says otherwise */
  readonly logger?: Logger;
  /** Whether the port is not to be shared with other workers of a cluster. @defaultValue false */
  readonly exclusive?: boolean;
}

const optionKeys: KeysOf<PushServerOptions> = {
  config: true,
  hooks: true,
  index: true,
  dir: true,
  node: true,
  setup: true,
  logger: true,
  exclusive: true,
};

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
  refuseUnknownKeys('startPushServer', options, optionKeys);
  const { index = 0, dir = process.cwd(), exclusive = false } = options;
  const config = settleLocalPages(createConfig(options.config), options.hooks);
  const node = options.node ?? nodeName('push-server', index, config.processes.machine);
  const log = checkLogger('startPushServer', options.logger ?? defaultLogger(node, options.config?.log));
  const { pushServer, serverPortStart } = config;
  const lifetime = createLifetime((what, error) => log.error({ err: error }, `closing ${what} failed`));
  try {
    const fanout = await openFanout(config, dir, log);
    lifetime.opened('fan-out', fanout.close);
    const metrics = createMetrics('gopush_server_');
    lifetime.opened('metrics', metrics.close);
    const store = measureStore(await openStore(config, dir), describeStoreCalls(metrics));
    lifetime.opened('store', store.close);
    lifetime.opened('connections to push-servers', fanout.meet(store.peers));
    const observation = await openObservation({ config, index, node, metrics, fanout, store, log }, lifetime.opened);
    let clients = (): number => 0;
    const announcement = createAnnouncement({
      registry: store.registry,
      id: fanout.bus.node,
      name: node,
      config,
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
    const files = createFileHandler(publicDir === undefined ? undefined : resolve(dir, publicDir), pushServer.path);
    let apiHandler: RequestListener = files;
    const http = createHttp(config, (request, response) =>
      (isForApi(request.url) ? apiHandler : files)(request, response),
    );
    const adapter = localFirst(containAdapter(forgiveLeaving(fanout.adapter), log));
    const { io, clientGuard } = await createIo(http, config, adapter, log);
    clients = () => io.engine.clientsCount;
    const ending = watchHttp(http);
    lingerAfterResponses(http);
    answerExpectations(http);
    let closing: Promise<void> | undefined;
    const closeIo = (): Promise<void> => (closing ??= closeClients(io, ending));
    lifetime.opened('Socket.IO', closeIo);
    const limits = createLimits({ io, guard: clientGuard, config: pushServer.limits, presence: store.presence, log });
    lifetime.opened('limits', limits.close);
    const { bus } = fanout;
    const isBelieved = createIdentityCheck(config, log);
    followRoomsOfHandlers(io, bus);
    const rooms = openRooms(
      { clients: new SocketIoClients(io), store, bus, isJoined: fanout.isJoined, config: pushServer, webhooks, log },
      lifetime.opened,
    );
    const { push } = rooms;
    const sessions = openSessions(
      { io, http, store, node: bus.node, config, isBelieved, rooms, webhooks, log },
      lifetime.opened,
    );
    const { migration } = sessions;
    rooms.bus.listen({
      onInbox(user) {
        for (const session of sessions.ofUser(user)) void session.inbox.wake();
      },
      onBack: sessions.letGo,
      onGap() {
        sessions.wakeInboxes();
        sessions.emittedEvents.gap();
      },
      onTaken(socket) {
        migration.taken(socket);
        sessions.presence.taken(socket);
      },
      onEnd(user) {
        sessions.changes.ended(user);
        api.endUser(user);
      },
      onMove(user, room, change) {
        sessions.changes.moved(user, room, change);
        if (change === 'leave') api.endUser(user, room);
        for (const session of sessions.ofUser(user)) {
          if (change === 'leave') session.leave(room);
          else
            session
              .join({ room })
              .catch((error: unknown) => log.error({ err: error }, 'a client could not join a room'));
        }
      },
    });
    fanout.onMove(sessions.move);
    const context: ConnectionContext = {
      node,
      publish: rooms.publish,
      presenceIn: rooms.presenceIn,
      isolateProducts: pushServer.isolateProducts,
      sessions: sessions.context,
      live: sessions.live,
      recovery: sessions.recovery,
      keepForRecovery: sessions.keepForRecovery,
      limits,
      isBelieved,
      rules: createRules(hook.current, config.hooks.timeoutMs, log),
      addressOf: createAddressOf(config.access.trustedProxies),
      log,
      keep(work) {
        unfinished.add(work);
        work
          .catch((error: unknown) => log.error({ err: error }, 'a call of the server hook failed'))
          .finally(() => unfinished.delete(work));
      },
    };
    const { rules, addressOf, keep } = context;
    const { streams, delivery, counts } = rooms;
    const listening = {
      scopeOf: rooms.scopeOf,
      streams,
      delivery,
      presence: sessions.presence,
      history: store.history,
    };
    const onRequest = describeApiRequests(metrics);
    const api = openApi({ config, push, rules, isBelieved, addressOf, listening, onRequest, log, keep }, files);
    let apiClosing: Promise<void> | undefined;
    const closeApi = (): Promise<void> => (apiClosing ??= Promise.resolve(api.close()));
    lifetime.opened('API', closeApi);
    apiHandler = api.handle;
    http.on('upgrade', api.upgrade);
    io.use((socket, next) => {
      admit(socket, next, context).catch((error: unknown) => {
        log.error({ err: error }, 'a client could not be admitted');
        limits.beginnings.refused(socket);
        next(errorOf({ code: 'internal' }));
      });
    });
    io.on('connection', handleConnections(context));
    const { adminUi } = pushServer;
    const checkAdminUi = adminUi && (await openAdminUi({ io, adminUi, node, addressOf }, lifetime.opened));
    await hook.start({ io, push, clientOf });
    const cleanUp = await options.setup?.(io, push, clientOf);
    if (typeof cleanUp === 'function') lifetime.opened('handlers of the program', cleanUp);
    checkAdminUi?.();
    await fanout.joined();
    const drain = async (): Promise<string> => {
      await announcement.draining();
      await migration.drain(pushServer.drainMs, { stays: true });
      return `${migration.counts.given} sessions were given to other push-servers`;
    };
    const { listeners } = api;
    observation.show(
      {
        node,
        io,
        fanout,
        store,
        limits,
        counts,
        moves: migration.counts,
        recovery: sessions.recovery.counts,
        emittedEvents: sessions.emittedEvents,
        listeners,
        webhooks,
        drain,
      },
      http,
    );

    const onRefused = (failure: Failure): void => {
      limits.refused(failure.code);
      logFailure(failure, log);
    };
    guardSessions(io, { isBelieved, allowEIO3: pushServer.allowEIO3, onRefused, log });
    const warnOfPage = createLimitedWarning(log);
    guard(http, config, ({ code, detail }) => {
      limits.refused(code);
      warnOfPage({ code, detail }, 'a page that connects without an agent was refused');
    });
    refuseBadRequests(http, (socket, code) => {
      limits.refused(code);
      refuseUpgrade(socket.resume(), { code });
    });
    // After the gate, which looks at where a request goes.
    useOriginForm(http);
    const port = serverPortStart === 0 ? 0 : serverPortStart + index;
    const settings = { port: 'serverPortStart', offset: index, host: 'pushServer.host' };
    const address = await listen(http, { host: pushServer.host, port, exclusive }, settings);
    lifetime.opened('listener', async () => {
      ending.closeKept();
      const drained = drainHttp(http, pushServer.drainMs, lingerMs);
      await closeApi();
      await migration.drain(pushServer.drainMs);
      // Not disconnectSockets: clients would take it for a wish of ours and never come back.
      await closeIo();
      await drained;
    });
    const url = urlOf(address);
    lifetime.opened('readiness', async () => {
      observation.stopping();
      await Promise.all([announcement.draining(), ending.announce()]);
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
