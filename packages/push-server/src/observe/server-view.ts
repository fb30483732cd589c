import type { Store } from '@gopush/store';
import type { Server } from 'socket.io';
import type { Announcement } from '../announcement/announcement.ts';
import type { ListenerCounts } from '../api/listen/listener-set.ts';
import type { EmittedEvents } from '../emitted-events/emitted-events.ts';
import type { Fanout } from '../fanout/bus/fanout.ts';
import type { ServerHandOffs } from '../hand-off/accept-hand-offs.ts';
import type { Limits } from '../limits/limits.ts';
import type { MigrationCounts } from '../migration/follow/migration-counts.ts';
import type { RecoveryCounts } from '../recovery/recovery.ts';
import type { Push } from '../rooms/publish/push.ts';
import type { PushCounts } from '../rooms/publish/push-counts.ts';
import type { RoomStreams } from '../rooms/stream/room-streams.ts';
import type { Webhooks } from '../webhooks/open-webhooks.ts';

/** What metrics and state are read from. */
export interface ServerView {
  /** Name of this push-server. */
  readonly node: string;
  readonly io: Server;
  readonly fanout: Fanout;
  readonly store: Store;
  readonly limits: Limits;
  readonly counts: PushCounts;
  readonly migration: MigrationCounts;
  readonly recovery: RecoveryCounts;
  readonly emittedEvents: Pick<EmittedEvents, 'kept'>;
  readonly listeners: ListenerCounts;
  readonly webhooks: Pick<Webhooks, 'counts' | 'waiting'>;
  /** Connections that agents have handed over; `undefined`: none are taken. */
  readonly handOffs: Pick<ServerHandOffs, 'state' | 'whyNot' | 'size' | 'alone' | 'messages'> | undefined;
  readonly push: Push;
  readonly streams: Pick<RoomStreams, 'position'>;
  readonly announcement: Pick<Announcement, 'address' | 'isDraining'>;
  /** Gives all sessions to other push-servers and takes no new ones, without a stop. */
  readonly drain: () => Promise<string>;
}

/** Open connections that agents have handed over to a push-server. */
export interface HandedOverCounts {
  /** Those that no agent holds as well: they end with the push-server. */
  readonly one: number;
  /** Those that an agent holds as well. */
  readonly two: number;
}

/** Clients of this push-server by transport. */
export function countTransports({ io }: ServerView): { readonly websocket: number; readonly polling: number } {
  const counts = { websocket: 0, polling: 0 };
  for (const { conn } of io.of('/').sockets.values()) {
    counts[conn.transport.name === 'polling' ? 'polling' : 'websocket']++;
  }
  return counts;
}

/** Rooms and users with clients on this push-server. */
export function countRooms({ io }: ServerView): { readonly rooms: number; readonly users: number } {
  const counts = { rooms: 0, users: 0 };
  for (const room of io.of('/').adapter.rooms.keys()) {
    if (room.startsWith('r:')) counts.rooms++;
    else if (room.startsWith('u:')) counts.users++;
  }
  return counts;
}

/** Connections that were handed over, by how many processes own them. */
export function countHandedOver({ handOffs }: Pick<ServerView, 'handOffs'>): HandedOverCounts {
  const { size = 0, alone = 0 } = handOffs ?? {};
  return { one: alone, two: size - alone };
}
