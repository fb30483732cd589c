import type { Server as HttpServer } from 'node:http';
import { type Config, events, type PresenceEvent, writePosition } from '@gopush/contract';
import type { Lifetime, Logger } from '@gopush/service';
import { isBack, type Store } from '@gopush/store';
import type { Server } from 'socket.io';
import type { IdentityCheck } from '../access/identity-check.ts';
import { EmittedEvents } from '../emitted-events/emitted-events.ts';
import { migratingClientOf } from '../migration/migrating-client.ts';
import type { Migration } from '../migration/migration.ts';
import { openMigration } from '../migration/open-migration.ts';
import { createRecovery, type Recovery } from '../recovery/recovery.ts';
import { productIn, withoutScope } from '../rooms/names/product-scope.ts';
import { nameOf, plainName, roomOfUser } from '../rooms/names/room-names.ts';
import type { Rooms } from '../rooms/open-rooms.ts';
import { createNodePresence, type NodePresence } from '../rooms/presence/node-presence.ts';
import { LiveSessions } from '../session/live-sessions.ts';
import { RecentChanges } from '../session/recent-changes.ts';
import type { Session, SessionContext } from '../session/session.ts';
import type { SessionRecord } from '../stored-session/session-record.ts';
import { joinRuns } from '../tasks/join-runs.ts';
import { paced } from '../tasks/paced.ts';
import type { Webhooks } from '../webhooks/open-webhooks.ts';

/** The sessions of a push-server: who is there, and how those that end here go on. */
export interface Sessions {
  readonly context: SessionContext;
  /** The sessions of this node. */
  readonly live: LiveSessions;
  readonly presence: NodePresence;
  /** What programs have sent, for clients that come back. */
  readonly emittedEvents: EmittedEvents;
  readonly recovery: Recovery;
  readonly migration: Migration;
  /** Keeps a session whose connection was lost. @returns whether it was still this node's, rather than going on elsewhere */
  keepForRecovery(session: Session): Promise<boolean>;
  /** A connection that has ended without a word: its client is back. */
  letGo(pid: string): void;
  /** All look for what waits for their users: they may not have been told. */
  wakeInboxes(): void;
  /** Puts one client into a room, or takes it out. @returns whether it is on this node */
  move(socket: string, room: string, change: 'join' | 'leave'): boolean;
  /** What programs did to users of late. */
  readonly changes: RecentChanges;
  /** Those of a user on this node. @param user - the uid, after the scope of its product */
  ofUser(user: string): readonly Session[];
}

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

/** Opens the sessions of a push-server. */
export function openSessions(options: SessionsOptions, opened: Lifetime['opened']): Sessions {
  const { io, http, store, node, rooms, isBelieved, log } = options;
  const { pushServer } = options.config;
  const { recoveryMs } = pushServer;
  // Without recovery, as long as moving a session may take.
  const keepMs = Math.max(recoveryMs, 1_000);
  const all = new LiveSessions();
  const changes = new RecentChanges(keepMs);
  const wakeInboxes = joinRuns(() => paced(all.values(), (session) => session.inbox.wake()));
  const presence = openPresence(options, () => void wakeInboxes(), opened);
  /** As long as the end of a connection may go unnoticed. */
  const doubtMs = pushServer.pingIntervalMs + pushServer.pingTimeoutMs + 5_000;
  const emittedEvents = new EmittedEvents({
    node,
    recent: rooms.delivery.recent,
    bounds: pushServer.emitted,
    keepMs,
    doubtMs,
    clientOf: migratingClientOf,
  });
  opened('events of programs', () => emittedEvents.close());
  const letGo = (pid: string): void => void all.byPid(pid)?.socket.conn.close(true);
  const recovery = createRecovery({
    io,
    store: store.sessions,
    history: store.history,
    emittedEvents,
    keepsRooms: pushServer.history.count > 0,
    keepMs: Math.max(recoveryMs, 1),
    tellBack(pids) {
      pids.forEach(letGo);
      rooms.bus.tellBack(pids);
    },
    changes,
    mark: recoveryMs > 0 ? () => writePosition({ epoch: node, offset: rooms.delivery.recent.count }) : undefined,
    log,
  });
  const migration = openMigration({
    io,
    http,
    store: store.sessions,
    recovery,
    node,
    sessions: all,
    changes,
    scopeOf: rooms.scopeOf,
    emittedEvents,
    count: () => rooms.delivery.recent.count,
    enabled: recoveryMs > 0,
    keepMs,
    answerMs: pushServer.answerMs,
    isBelieved,
    log,
  });
  opened('sessions', () => migration.close());
  opened(
    'sessions after outages',
    whenBack(store, () => migration.saveAll()),
  );
  return {
    context: {
      streams: rooms.streams,
      presence,
      inbox: { store: store.inbox, onUndecodable: rooms.delivery.onUndecodable, log },
      connectionOf: migratingClientOf,
      onChange: (session) => migration.save(session),
      onTaken: ({ socket }, from) => rooms.bus.tellTaken(from, socket.id),
      senders: pushServer.senders,
      scopeOf: rooms.scopeOf,
      changes,
      delivery: rooms.delivery,
      emittedEvents,
      doubtMs,
    },
    live: all,
    presence,
    emittedEvents,
    recovery,
    migration,
    changes,
    keepForRecovery(session) {
      if (recoveryMs === 0 || !session.isRecoverable) return Promise.resolve(true);
      // As it is now; it ends in a moment.
      const record: SessionRecord = {
        engineId: '',
        uid: session.user,
        node,
        at: Date.now(),
        isExact: true,
        ...session.tail(performance.now()),
        sockets: [
          {
            ...session.describe(session.positions, session.inbox.acknowledged),
            emitted: emittedEvents.lost(session.socket),
          },
        ],
      };
      return migration.lost(session, () => recovery.persist(record));
    },
    letGo,
    wakeInboxes,
    move(socket, room, change) {
      const session = all.get(socket);
      if (change === 'leave') session?.leave(room);
      else {
        session?.join({ room }).catch((error: unknown) => log.error({ err: error }, 'a client could not join a room'));
      }
      return session !== undefined;
    },
    ofUser: (user) => [...(io.of('/').adapter.rooms.get(roomOfUser(user)) ?? [])].flatMap((id) => all.get(id) ?? []),
  };
}

function openPresence(
  { store, node, config: { pushServer }, rooms, webhooks, log }: SessionsOptions,
  wakeInboxes: () => void,
  opened: Lifetime['opened'],
): NodePresence {
  const presence = createNodePresence({
    presence: store.presence,
    node,
    leaseMs: pushServer.leaseMs,
    graceMs: pushServer.graceMs,
    onChange(room, user, change) {
      if (!pushServer.presenceEvents) return;
      const event: PresenceEvent = { room: plainName(room), uid: withoutScope(user), change };
      void rooms.publish(room, events.presenceChange, event, { keep: 'no' });
    },
    onRestored() {
      rooms.streams.catchUp('bus');
      wakeInboxes();
    },
    onUser: (user, change) =>
      webhooks.tell(change === 'connected' ? 'connect' : 'disconnect', {
        uid: withoutScope(user),
        ...productIn(user),
      }),
    onRoom: (room, user, change) =>
      webhooks.tell(change === 'occupied' ? 'room_occupied' : 'room_empty', {
        ...nameOf(room),
        uid: withoutScope(user),
      }),
    log,
  });
  opened('presence', presence.close);
  opened('presence after outages', whenBack(store, presence.storeIsBack));
  return presence;
}

/**
 * Works whenever the store may have lost what was written: it was away, or has forgotten all.
 *
 * @returns stops it
 */
function whenBack(store: Store, work: () => void): () => void {
  const offForgotten = store.onForgotten(work);
  const offState = store.onState((state, before) => {
    if (isBack(state, before)) work();
  });
  return () => {
    offForgotten();
    offState();
  };
}
