import { type Config, events, type PresenceEvent } from '@gopush/contract';
import type { Lifetime, Logger } from '@gopush/service';
import type { Store } from '@gopush/store';
import { productIn, withoutScope } from '../rooms/names/product-scope.ts';
import { nameOf, plainName } from '../rooms/names/room-names.ts';
import type { Rooms } from '../rooms/open-rooms.ts';
import { NodePresence } from '../rooms/presence/node-presence.ts';
import type { Webhooks } from '../webhooks/open-webhooks.ts';
import { whenStoreIsBack } from './when-store-is-back.ts';

/** Options of the presence of a node. */
export interface PresenceOptions {
  readonly store: Store;
  /** Name of this node on the bus. */
  readonly node: string;
  readonly config: Config;
  readonly rooms: Rooms;
  readonly webhooks: Webhooks;
  /** Has all sessions look into their inboxes. */
  readonly wakeInboxes: () => void;
  readonly log: Logger;
}

/** Opens the presence of this node, and publishes and reports its changes. */
export function openPresence(
  { store, node, config: { pushServer }, rooms, webhooks, wakeInboxes, log }: PresenceOptions,
  opened: Lifetime['opened'],
): NodePresence {
  const presence = new NodePresence({
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
      webhooks.send(change === 'connected' ? 'connect' : 'disconnect', {
        uid: withoutScope(user),
        ...productIn(user),
      }),
    onRoom: (room, user, change) =>
      webhooks.send(change === 'occupied' ? 'room_occupied' : 'room_empty', {
        ...nameOf(room),
        uid: withoutScope(user),
      }),
    log,
  });
  opened('presence', () => presence.close());
  opened(
    'presence after outages',
    whenStoreIsBack(store, () => presence.storeIsBack()),
  );
  return presence;
}
