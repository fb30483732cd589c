import type { Logger } from '@gopush/service';
import type { NodeEvents } from '../rooms/bus/node-events.ts';
import type { Sessions } from './open-sessions.ts';

/** What is done to the sessions and listeners of this node when it hears of changes, from here or from other nodes. */
export interface ChangeTargets {
  readonly sessions: Sessions;
  /** Ends the API listeners of a user (the uid, after the scope of its product): all, or those of a room. */
  readonly endListeners: (user: string, room?: string) => void;
  readonly log: Logger;
}

/** Makes the listener by which the rooms tell what changed: new inbox messages, users that a program moves or disconnects, sessions that migrated. */
export function followChanges({ sessions, endListeners, log }: ChangeTargets): NodeEvents {
  const { changes, emittedEvents, migration, presence } = sessions;
  return {
    onInbox(user) {
      for (const session of sessions.ofUser(user)) void session.inbox.wake();
    },
    onBack: sessions.letGo,
    onGap() {
      sessions.wakeInboxes();
      emittedEvents.gap();
    },
    onTaken(socket) {
      migration.taken(socket);
      presence.taken(socket);
    },
    onEnd(user) {
      changes.ended(user);
      endListeners(user);
    },
    onMove(user, room, change) {
      changes.moved(user, room, change);
      if (change === 'leave') endListeners(user, room);
      for (const session of sessions.ofUser(user)) {
        if (change === 'leave') session.leave(room);
        else {
          session.join({ room }).catch((error: unknown) => log.error({ err: error }, 'a client could not join a room'));
        }
      }
    },
  };
}
