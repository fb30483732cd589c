import type { NodeEvents } from '../rooms/bus/node-events.ts';
import type { Sessions } from './sessions.ts';

/**
 * Makes the listener that applies the changes of any node to the sessions and listeners of this node: new messages in
 * inboxes, users that a program moves
 * or disconnects, sessions that migrated.
 *
 * @param endListeners - ends the API listeners of a user (the uid, after the scope of its product): all, or those of a room
 */
export function followChanges(sessions: Sessions, endListeners: (user: string, room?: string) => void): NodeEvents {
  const { live, changes, emittedEvents, migration, presence, wakeInboxes } = sessions.parts;
  return {
    onInbox(user) {
      for (const session of sessions.ofUser(user)) void session.inbox.wake();
    },
    onBack: (pid) => live.closeStale(pid),
    onGap() {
      void wakeInboxes();
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
      sessions.moveUser(user, room, change);
    },
  };
}
