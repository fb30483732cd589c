import type { AddressOf } from '../access/client-address.ts';
import { createIdentityCheck, type IdentityCheck } from '../access/identity-check.ts';
import { type Api, openApi } from '../api/open-api.ts';
import { followChanges } from '../connection/follow-changes.ts';
import { openSessions } from '../connection/open-sessions.ts';
import { serveConnections } from '../connection/serve-connections.ts';
import type { Sessions } from '../connection/sessions.ts';
import { followRoomsOfHandlers, SocketIoClients } from '../connection/socket-io-clients.ts';
import { createRules } from '../hook/rules.ts';
import { describeApiRequests } from '../observe/request-metrics.ts';
import { openRooms, type Rooms } from '../rooms/open-rooms.ts';
import type { Dependencies } from './open-dependencies.ts';
import type { Servers } from './open-servers.ts';
import type { Settings } from './settings.ts';

/** What a push-server serves: rooms, sessions of clients, and the HTTP API. */
export interface Realtime {
  readonly rooms: Rooms;
  readonly sessions: Sessions;
  readonly api: Api;
  readonly isBelieved: IdentityCheck;
  readonly addressOf: AddressOf;
  /** Closes the API, once. */
  closeApi(): Promise<void>;
}

/** Opens the rooms, the sessions and the API, and serves connections of Socket.IO. */
export function openRealtime(settings: Settings, dependencies: Dependencies, servers: Servers): Realtime {
  const { config, node, log, lifetime } = settings;
  const { fanout, store, webhooks, hook, metrics, unfinished } = dependencies;
  const { io, http, limits, files, addressOf } = servers;
  const { bus } = fanout;
  const { pushServer } = config;
  const isBelieved = createIdentityCheck(config, log);
  const rules = createRules(hook.current, config.hooks.timeoutMs, log);
  const keep = (work: Promise<void>): void => unfinished.add(work);

  followRoomsOfHandlers(io, bus);
  const rooms = openRooms(
    { clients: new SocketIoClients(io), store, bus, isJoined: fanout.isJoined, config: pushServer, webhooks, log },
    lifetime.opened,
  );
  const sessions = openSessions(
    { io, http, store, node: bus.node, config, isBelieved, rooms, webhooks, log },
    lifetime.opened,
  );
  const { push, publish, presenceIn, scopeOf, streams, delivery } = rooms;
  const listening = { scopeOf, streams, delivery, presence: sessions.parts.presence, history: store.history };
  const onRequest = describeApiRequests(metrics);
  const api = openApi({ config, push, rules, isBelieved, addressOf, listening, onRequest, log, keep }, files);
  let closing: Promise<void> | undefined;
  const closeApi = (): Promise<void> => (closing ??= Promise.resolve(api.close()));
  lifetime.opened('API', closeApi);
  servers.serveApi(api.handle);
  http.on('upgrade', api.upgrade);

  rooms.bus.listen(followChanges(sessions, api.endUser));
  fanout.onMove((socket, room, change) => sessions.move(socket, room, change));
  const { context, recovery, live } = sessions.parts;
  serveConnections(io, {
    node,
    isolateProducts: pushServer.isolateProducts,
    publish,
    presenceIn,
    rules,
    addressOf,
    isBelieved,
    limits,
    recovery,
    keepForRecovery: (session) => sessions.keepForRecovery(session),
    live,
    keep,
    log,
    sessions: context,
  });
  return { rooms, sessions, api, isBelieved, addressOf, closeApi };
}
