import type { Config } from '@gopush/contract';
import type { Lifetime, Logger } from '@gopush/service';
import { emitLocal } from '@gopush/slim-socket-io';
import type { Store } from '@gopush/store';
import type { Server } from 'socket.io';
import { say } from '../emit/saying.ts';
import type { Webhooks } from '../webhooks/open-webhooks.ts';
import type { Bus } from './bus/bus.ts';
import { RecentDeliveries } from './delivery/recent-deliveries.ts';
import { createSubscribers, type Subscribers } from './delivery/subscribers.ts';
import type { DeliveredKeys } from './idempotency/delivered-keys.ts';
import type { ReceivedKeys } from './idempotency/received-keys.ts';
import { createScopeOf, nameOf, nameOfClients, type ScopeOf, slowClients } from './names/room-names.ts';
import {
  createPush,
  type PresenceIn,
  type Publish,
  type Push,
  type PushCounts,
  type PushEvents,
} from './publish/push.ts';
import type { RoomStreams } from './stream/room-streams.ts';

/** The rooms of a push-server: who speaks to them, and who hears. */
export interface Rooms {
  readonly push: Push;
  /** Publishes to a room by its full name. */
  readonly publish: Publish;
  /** Who is in a room, by its full name. */
  readonly presenceIn: PresenceIn;
  readonly scopeOf: ScopeOf;
  readonly streams: RoomStreams;
  /** The ids of what this node has given. */
  readonly deliveredKeys: DeliveredKeys;
  /** What its clients have had elsewhere. */
  readonly receivedKeys: ReceivedKeys;
  readonly subscribers: Subscribers;
  readonly counts: PushCounts;
  readonly recent: RecentDeliveries;
  /** Tells other nodes that the clients of sessions are back. */
  tellBack(pids: readonly string[]): void;
  /** Tells the node that has handed over a session that it goes on here. */
  tellTaken(node: string, socket: string): void;
  /** Who is told of what other nodes do. */
  listen(listener: PushEvents): void;
}

/** What rooms need. */
export interface RoomsOptions {
  readonly io: Server;
  readonly store: Store;
  readonly bus: Bus;
  /** Whether the bus reaches the other nodes. */
  readonly isJoined: () => boolean;
  readonly config: Config['pushServer'];
  readonly webhooks: Webhooks;
  readonly log: Logger;
}

/** Opens the rooms of a push-server. */
export function openRooms({ io, webhooks, ...options }: RoomsOptions, opened: Lifetime['opened']): Rooms {
  const recent = new RecentDeliveries();
  const subscribers = createSubscribers();
  const counts: PushCounts = {
    published: 0,
    kept: 0,
    notKept: 0,
    gaps: 0,
    undecodable: 0,
    repeated: 0,
    filled: 0,
    recovered: 0,
    notRecovered: 0,
  };
  const scopeOf = createScopeOf(options.config.isolateProducts);
  const { push, publish, presenceIn, streams, deliveredKeys, receivedKeys, listen, tellBack, tellTaken } = createPush({
    ...options,
    scopeOf,
    io,
    counts,
    recent,
    subscribers,
    ...(webhooks.wants('message')
      ? { onSaid: (room, said) => webhooks.tell('message', { ...nameOf(room), ...said }) }
      : {}),
    emit(room, except, saying, volatile) {
      const leftOut = volatile === true ? [...except, slowClients] : except;
      say(saying, (...args) => emitLocal(io.of('/'), [room], leftOut, args));
    },
  });
  // Handlers may put sockets into a room by themselves. These have no place in its history, and hear what is not kept.
  const { adapter } = io.of('/');
  adapter.on('create-room', (room: string) => {
    if (nameOfClients(room) !== undefined) void options.bus.follow(room, () => {});
  });
  adapter.on('delete-room', (room: string) => {
    if (nameOfClients(room) !== undefined) options.bus.unfollow(room);
  });
  opened('rooms', streams.close);
  return {
    push,
    publish,
    presenceIn,
    scopeOf,
    streams,
    deliveredKeys,
    receivedKeys,
    subscribers,
    counts,
    recent,
    listen,
    tellBack,
    tellTaken,
  };
}
