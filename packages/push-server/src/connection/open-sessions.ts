import type { Server as HttpServer } from 'node:http';
import { type Config, readIdentity, writePosition } from '@gopush/contract';
import type { Lifetime, Logger } from '@gopush/service';
import { asEngineRequest } from '@gopush/slim-socket-io';
import type { Store } from '@gopush/store';
import type { Server } from 'socket.io';
import type { IdentityCheck } from '../access/identity-check.ts';
import { EmittedEvents } from '../emitted-events/emitted-events.ts';
import { leftRoom } from '../migration/client/ended-positions.ts';
import { migratingClientOf } from '../migration/client/migrating-client.ts';
import type { Migration } from '../migration/migration.ts';
import { openMigration } from '../migration/open-migration.ts';
import { Recovery, type RecoveryOptions } from '../recovery/recovery.ts';
import type { Rooms } from '../rooms/open-rooms.ts';
import { LiveSessions } from '../session/live-sessions.ts';
import { RecentChanges } from '../session/recent-changes.ts';
import type { SessionContext } from '../session/session.ts';
import { forEachLimited } from '../tasks/for-each-limited.ts';
import { joinRuns } from '../tasks/join-runs.ts';
import type { Webhooks } from '../webhooks/open-webhooks.ts';
import { openPresence } from './open-presence.ts';
import { Sessions } from './sessions.ts';
import { whenStoreIsBack } from './when-store-is-back.ts';

/** What sessions need. */
export interface SessionsOptions {
  readonly io: Server;
  readonly http: HttpServer;
  readonly store: Store;
  /** Name of this node on the bus. */
  readonly node: string;
  readonly config: Config;
  readonly isBelieved: IdentityCheck;
  readonly rooms: Rooms;
  readonly webhooks: Webhooks;
  readonly log: Logger;
}

/** Context that the parts of {@link openSessions} share. */
interface Shared extends SessionsOptions {
  readonly live: LiveSessions;
  readonly changes: RecentChanges;
  readonly emittedEvents: EmittedEvents;
  /** How long a session is stored, in milliseconds. */
  readonly keepMs: number;
}

/** Opens the sessions of a push-server, with their presence, recovery and migration. */
export function openSessions(options: SessionsOptions, opened: Lifetime['opened']): Sessions {
  const { store, node, rooms, log } = options;
  const { pushServer } = options.config;
  const { recoveryMs } = pushServer;
  // Without recovery, as long as the migration of a session may take.
  const keepMs = Math.max(recoveryMs, 1_000);
  /** How long the end of a connection may go unnoticed. */
  const doubtMs = pushServer.pingIntervalMs + pushServer.pingTimeoutMs + 5_000;
  const live = new LiveSessions();
  const changes = new RecentChanges(keepMs);
  const wakeInboxes = joinRuns(() => forEachLimited(live.values(), (session) => session.inbox.wake()));
  const presence = openPresence({ ...options, wakeInboxes: () => void wakeInboxes() }, opened);
  const emittedEvents = new EmittedEvents({
    node,
    recent: rooms.delivery.recent,
    bounds: pushServer.emitted,
    keepMs,
    doubtMs,
    clientOf: migratingClientOf,
  });
  opened('events of programs', () => emittedEvents.close());
  const shared: Shared = { ...options, live, changes, emittedEvents, keepMs };
  const recovery = recoveryOf(shared, ({ conn }) => migration.replace(conn));
  const migration: Migration = migrationOf(shared, recovery);
  opened('sessions', () => migration.close());
  opened(
    'sessions after outages',
    whenStoreIsBack(store, () => migration.saveAll()),
  );
  const context: SessionContext = {
    streams: rooms.streams,
    presence,
    inbox: { store: store.inbox, onUndecodable: rooms.delivery.onUndecodable, log },
    connectionOf: migratingClientOf,
    leftRoom,
    onChange: (session) => migration.save(session),
    onRestored: (session) => migration.saveRestored(session),
    isReplaced: (session) => live.isReplaced(session),
    onTaken: ({ socket }, from) => rooms.bus.tellTaken(from, socket.id),
    senders: pushServer.senders,
    scopeOf: rooms.scopeOf,
    changes,
    delivery: rooms.delivery,
    emittedEvents,
    doubtMs,
  };
  const isKept = recoveryMs > 0;
  return new Sessions({ ...shared, context, presence, recovery, migration, wakeInboxes, isKept });
}

function recoveryOf(
  { io, store, config, node, rooms, live, changes, emittedEvents, log }: Shared,
  replace: RecoveryOptions['replace'],
): Recovery {
  const { recoveryMs, history } = config.pushServer;
  return new Recovery({
    io,
    store: store.sessions,
    history: store.history,
    emittedEvents,
    keepsRooms: history.count > 0,
    keepMs: Math.max(recoveryMs, 1),
    tellBack(pids) {
      for (const pid of pids) live.closeStale(pid);
      rooms.bus.tellBack(pids);
    },
    changes,
    replace,
    position: recoveryMs > 0 ? () => writePosition({ epoch: node, offset: rooms.delivery.recent.count }) : undefined,
    userOf(request) {
      const identity = readIdentity(request.headers, asEngineRequest(request)._query);
      return identity.ok ? rooms.scopeOf(identity.value.product) + identity.value.uid : undefined;
    },
    log,
  });
}

function migrationOf(shared: Shared, recovery: Recovery): Migration {
  const { io, http, store, config, node, rooms, live, changes, emittedEvents, keepMs, isBelieved, log } = shared;
  const { recoveryMs, answerMs, maxDrainMs, pingTimeoutMs } = config.pushServer;
  return openMigration({
    io,
    http,
    store: store.sessions,
    history: store.history,
    recovery,
    node,
    sessions: live,
    changes,
    scopeOf: rooms.scopeOf,
    emittedEvents,
    count: () => rooms.delivery.recent.count,
    enabled: recoveryMs > 0,
    keepMs,
    answerMs,
    maxDrainMs,
    // Clients wait for a ping for longer than the interval of pings.
    pingMs: pingTimeoutMs / 4,
    isBelieved,
    log,
  });
}
