import type { Config, Position } from '@gopush/contract';
import type { Lifetime, Logger } from '@gopush/service';
import { isBack, type Store } from '@gopush/store';
import type { Webhooks } from '../webhooks/open-webhooks.ts';
import type { Bus } from './bus/bus.ts';
import { RoomBus } from './bus/room-bus.ts';
import type { Publication } from './codec/publication.ts';
import { createUndecodableLog } from './codec/undecodable-log.ts';
import type { Clients } from './delivery/clients.ts';
import { RoomDelivery } from './delivery/room-delivery.ts';
import { publisherIdOf } from './idempotency/idempotency-key.ts';
import { createScopeOf, type ScopeOf } from './names/product-scope.ts';
import { nameOf } from './names/room-names.ts';
import { createPush } from './publish/create-push.ts';
import type { Push } from './publish/push.ts';
import { createPushCounts, type PushCounts } from './publish/push-counts.ts';
import { type Publish, RoomPublisher } from './publish/room-publisher.ts';
import { UserPublisher } from './publish/user-publisher.ts';
import { RoomPresence } from './store/room-presence.ts';
import { StoredPublications } from './store/stored-publications.ts';
import type { RoomStreamEvents } from './stream/room-stream-events.ts';
import { RoomStreams } from './stream/room-streams.ts';

/** The rooms of a push-server: what publishes to them, and what delivers to their members. */
export interface Rooms {
  readonly push: Push;
  /** Publishes to a room by its full name. */
  readonly publish: Publish;
  /** A page of the users in a room, by its full name. */
  readonly presenceIn: RoomPresence['page'];
  readonly scopeOf: ScopeOf;
  readonly streams: RoomStreams;
  readonly delivery: RoomDelivery;
  readonly counts: PushCounts;
  readonly bus: RoomBus;
}

/** What rooms need. */
export interface RoomsOptions {
  readonly clients: Clients;
  readonly store: Store;
  readonly bus: Bus;
  /** Whether the bus reaches the other nodes. */
  readonly isJoined: () => boolean;
  readonly config: Config['pushServer'];
  readonly webhooks: Webhooks;
  readonly log: Logger;
}

/** Opens the rooms of a push-server. */
export function openRooms(options: RoomsOptions, opened: Lifetime['opened']): Rooms {
  const { clients, store, isJoined, config, webhooks, log } = options;
  const counts = createPushCounts();
  const scopeOf = createScopeOf(config.isolateProducts);
  const bus = new RoomBus(options.bus);
  const onUndecodable = createUndecodableLog(counts, log);
  const delivery = new RoomDelivery({
    clients,
    node: bus.node,
    keepKeysMs: config.history.ageMs,
    senders: config.senders,
    counts,
    onUndecodable,
    log,
  });
  const streams = new RoomStreams(store.history, streamEvents({ clients, bus, delivery, counts, log }));
  const publisher = new RoomPublisher({
    history: store.history,
    isStoreUp: () => store.state() === 'up',
    isJoined,
    limits: config.history,
    streams,
    delivery,
    bus,
    counts,
    ...(webhooks.wants('message') ? { onPublished: tellWebhooks(webhooks) } : {}),
    log,
  });
  bus.start({ receive: (message) => publisher.receive(message), gap: () => streams.catchUp('bus') }, log);
  const presence = new RoomPresence(store.presence);
  const push = createPush({
    rooms: publisher,
    users: new UserPublisher({
      inbox: store.inbox,
      presence: store.presence,
      // A store that is full accepts presence.
      isPresenceFresh: () => store.state() === 'up' || store.state() === 'full',
      limits: config.inbox,
      rooms: publisher,
      clients,
      bus,
    }),
    stored: new StoredPublications(store.history, store.inbox, onUndecodable),
    roomPresence: presence,
    presence: store.presence,
    inbox: store.inbox,
    clients,
    bus,
    isJoined,
    scopeOf,
    isolateProducts: config.isolateProducts,
    counts,
    log,
  });
  const offState = store.onState((state, before) => {
    if (isBack(state, before)) streams.catchUp('store');
  });
  opened('rooms', () => {
    offState();
    streams.close();
  });
  return {
    push,
    publish: (room, event, message, how) => publisher.publish(room, event, message, how),
    presenceIn: (room, limit, after) => presence.page(room, limit, after),
    scopeOf,
    streams,
    delivery,
    counts,
    bus,
  };
}

/** Connects the streams of rooms with the bus and with the members of this node. */
function streamEvents({
  clients,
  bus,
  delivery,
  counts,
  log,
}: Pick<RoomsOptions, 'clients' | 'log'> & Pick<Rooms, 'bus' | 'delivery' | 'counts'>): RoomStreamEvents {
  return {
    follow: (room, onLate) => bus.follow(room, onLate),
    unfollow: (room) => bus.unfollow(room),
    turn: () => delivery.deliveredKeys.turn,
    deliver: (members, message, position) => delivery.deliver(members, message, position),
    undeliverable: (room, position, error) => delivery.undeliverable(room, position, error),
    gap: (room, position) => delivery.gap(room, position),
    began: (room, position) => delivery.began(room, position),
    ended: (room, epoch) => clients.historyEnded(room, epoch),
    failed(room, error) {
      log.warn({ room, err: error }, 'the history of a room cannot be read; it will be retried');
    },
    cameBack(recovered) {
      counts[recovered ? 'recovered' : 'notRecovered']++;
    },
  };
}

function tellWebhooks(webhooks: Webhooks) {
  return (room: string, publication: Publication, position: Position | null): void => {
    const { event, message, sender, id } = publication;
    webhooks.send('message', {
      ...nameOf(room),
      event,
      message,
      ...(sender === undefined ? {} : { sender }),
      ...(id === undefined ? {} : { messageId: publisherIdOf(id) }),
      position,
    });
  };
}
