import { type KeysOf, maxDepthOfPrograms, maxPresencePage, refuseUnknownKeys, shapeOf } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { InboxStore, PresenceStore } from '@gopush/store';
import type { RoomBus } from '../bus/room-bus.ts';
import type { Clients } from '../delivery/clients.ts';
import type { Scope, ScopeOf } from '../names/product-scope.ts';
import { roomOfClients, roomOfProduct, roomOfUser } from '../names/room-names.ts';
import type { RoomPresence } from '../store/room-presence.ts';
import type { StoredPublications } from '../store/stored-publications.ts';
import { askStore } from '../when-store-is-down/respond-not-durable.ts';
import { checkPush } from './check-push.ts';
import type { Push, Reach, RoomOptions, UserOptions } from './push.ts';
import type { PushCounts } from './push-counts.ts';
import { partial, type RoomPublisher } from './room-publisher.ts';
import type { UserPublisher } from './user-publisher.ts';

const roomKeys: KeysOf<RoomOptions> = { except: true, sender: true, id: true, keep: true, volatile: true };

const userKeys: KeysOf<UserOptions> = { deliver: true, ttlMs: true, id: true, keep: true };

/** The parts behind the API of programs (`Push`). */
export interface PushParts {
  readonly rooms: RoomPublisher;
  readonly users: UserPublisher;
  readonly stored: StoredPublications;
  readonly roomPresence: RoomPresence;
  readonly presence: PresenceStore;
  readonly inbox: InboxStore;
  readonly clients: Clients;
  readonly bus: RoomBus;
  /** Whether the bus reaches the other nodes. */
  readonly isJoined: () => boolean;
  readonly scopeOf: ScopeOf;
  /** `pushServer.isolateProducts`. */
  readonly isolateProducts: boolean;
  readonly counts: PushCounts;
  readonly log: Logger;
}

/** Makes the `push` that programs, hooks and the HTTP API use, with all names checked. */
export function createPush(parts: PushParts): Push {
  return checkPush(pushOf(parts, undefined), parts.log);
}

/** @param product - `undefined`: the default one, whose `toAll` reaches the clients of all products */
function pushOf(parts: PushParts, product: string | undefined): Push {
  const { rooms, users, stored, clients, bus, scopeOf } = parts;
  const scope = product === undefined ? '' : scopeOf(product);
  return {
    of: (other) => pushOf(parts, other),
    toRoom(room, event, message, options = {}) {
      refuseUnknownKeys('toRoom', options, roomKeys);
      return rooms.publish(roomOfClients(room, scope), event, message, options);
    },
    toUser(uid, event, message, options = {}) {
      refuseUnknownKeys('toUser', options, userKeys);
      return users.publish(scope + uid, event, message, options);
    },
    toAll: (event, message) => publishToAll(parts, product, event, message),
    history: (room, after, limit) => stored.history(roomOfClients(room, scope), after, limit),
    presence: presenceOf(parts, scope),
    inbox: inboxOf(parts, scope),
    disconnectUser(uid) {
      clients.disconnect(roomOfUser(scope + uid));
      bus.tellEnd(scope + uid);
      return reach(parts);
    },
    disconnectSocket(id) {
      const isHere = clients.count(id) > 0;
      clients.disconnect(id);
      return isHere ? {} : reach(parts);
    },
    moveUser(uid, room, change) {
      bus.tellMove(scope + uid, room, change);
      return reach(parts);
    },
  };
}

/** Whether what was just sent to all other push-servers reaches them. */
function reach({ isJoined }: PushParts): Reach {
  return isJoined() ? {} : partial;
}

function publishToAll(parts: PushParts, product: string | undefined, event: string, message: unknown): Reach {
  const { counts, clients, isolateProducts, log } = parts;
  counts.published++;
  if (shapeOf(message, maxDepthOfPrograms) === 'deep') {
    log.error(
      { event },
      `a message to all clients is nested more than ${maxDepthOfPrograms} levels deep and was not sent`,
    );
    return {};
  }
  const room = product !== undefined && isolateProducts ? roomOfProduct(product) : undefined;
  clients.emitToAll(room, event, message);
  return reach(parts);
}

function presenceOf({ presence, roomPresence }: PushParts, scope: Scope): Push['presence'] {
  return {
    user: (uid) => askStore(() => presence.user(scope + uid)),
    room: (room) => roomPresence.all(roomOfClients(room, scope)),
    page: (room, { limit = maxPresencePage, after } = {}) =>
      roomPresence.page(roomOfClients(room, scope), limit, after ?? undefined),
    counts: () => askStore(() => presence.counts()),
  };
}

function inboxOf({ inbox, stored }: PushParts, scope: Scope): Push['inbox'] {
  return {
    status: (uid, id) => askStore(() => inbox.status(scope + uid, id)),
    ack: (uid, ids) => askStore(() => inbox.ack(scope + uid, ids)),
    pending: (uid, limit) => stored.pending(scope + uid, limit),
  };
}
