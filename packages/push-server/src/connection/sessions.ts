import type { Logger } from '@gopush/service';
import type { Server } from 'socket.io';
import type { EmittedEvents } from '../emitted-events/emitted-events.ts';
import type { Migration } from '../migration/migration.ts';
import type { Recovery } from '../recovery/recovery.ts';
import { roomOfUser } from '../rooms/names/room-names.ts';
import type { NodePresence } from '../rooms/presence/node-presence.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import type { RecentChanges } from '../session/recent-changes.ts';
import type { Session, SessionContext } from '../session/session.ts';
import type { SessionRecord } from '../stored-session/session-record.ts';

/** The parts of {@link Sessions}. */
export interface SessionsParts {
  readonly io: Server;
  /** Name of this node on the bus. */
  readonly node: string;
  readonly context: SessionContext;
  /** The sessions of this node. */
  readonly live: LiveSessions;
  readonly presence: NodePresence;
  /** Events of programs, kept for clients that come back. */
  readonly emittedEvents: EmittedEvents;
  readonly recovery: Recovery;
  readonly migration: Migration;
  /** Recent changes that programs made to users. */
  readonly changes: RecentChanges;
  /** Has all sessions look into their inboxes: they may have missed that there are messages. */
  readonly wakeInboxes: () => Promise<void>;
  /** Whether sessions whose connections were lost are stored. */
  readonly isKept: boolean;
  readonly log: Logger;
}

/** The sessions of a push-server, with their presence, recovery and migration. */
export class Sessions {
  readonly parts: SessionsParts;

  constructor(parts: SessionsParts) {
    this.parts = parts;
  }

  /**
   * Stores a session whose connection was lost, so that its client can recover it.
   *
   * @returns whether this node still had the session: another one may have it by now
   */
  keepForRecovery(session: Session): Promise<boolean> {
    const { isKept, node, emittedEvents, migration, recovery } = this.parts;
    if (!isKept || !session.isRecoverable) return Promise.resolve(true);
    // Described now: the session ends in a moment.
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
    return migration.lost(session, (held) => recovery.persist(record, held)).catch(() => true);
  }

  /** Has one client join or leave a room. @returns whether the client is on this node */
  move(socket: string, room: string, change: 'join' | 'leave'): boolean {
    const session = this.parts.live.get(socket);
    if (session !== undefined) this.#move(session, room, change);
    return session !== undefined;
  }

  /** Has all clients of a user on this node join or leave a room. @param user - the uid, after the scope of its product */
  moveUser(user: string, room: string, change: 'join' | 'leave'): void {
    for (const session of this.ofUser(user)) this.#move(session, room, change);
  }

  /** The sessions of a user on this node. @param user - the uid, after the scope of its product */
  ofUser(user: string): readonly Session[] {
    const { io, live } = this.parts;
    return [...(io.of('/').adapter.rooms.get(roomOfUser(user)) ?? [])].flatMap((id) => live.get(id) ?? []);
  }

  #move(session: Session, room: string, change: 'join' | 'leave'): void {
    if (change === 'leave') {
      void session.leave(room);
      return;
    }
    session
      .join({ room })
      .catch((error: unknown) => this.parts.log.error({ err: error }, 'a client could not join a room'));
  }
}
