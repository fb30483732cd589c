import { failed, nameFault, parseEvent, parseRoom, parseUid, type Result, success } from '@gopush/contract';
import type { Logger } from '@gopush/service';
import type { Push, Reach, RoomOptions, UserOptions } from './push.ts';

/** Longest id of a message, in bytes: the store keeps no longer names. */
const maxIdBytes = 400;

/** Ids that Socket.IO makes for sockets. Any other text could name a room. */
const socketId = /^[\w-]{20}$/;

/**
 * Checks the names that programs and hooks give. Hooks pass on what clients sent. Inside the push-server, a name with control characters could
 * be a room or a user of another product, or a reserved event that no client of the room could be given.
 *
 * Whole numbers are taken as text. A call without a `Result` does nothing for a wrong name, and logs that.
 */
export function checkPush(push: Push, log: Logger): Push {
  /** Acts if the names are valid; logs the others. */
  function doIfValid<T>(names: Result<T>, what: string, act: (names: T) => Reach): Reach {
    if (names.ok) return act(names.value);
    log.warn({ code: names.failure.code, detail: names.failure.detail }, `${what} was called with an invalid name`);
    return {};
  }

  return {
    of: (product) => checkPush(push.of(product), log),
    toRoom: (room, event, message, options) =>
      ifValid(both(roomOf(room), eventOf(event, options)), ([name]) => push.toRoom(name, event, message, options)),
    toUser: (uid, event, message, options) =>
      ifValid(both(uidOf(uid), eventOf(event, options)), ([name]) => push.toUser(name, event, message, options)),
    toAll: (event, message) => doIfValid(parseEvent(event), 'push.toAll', (name) => push.toAll(name, message)),
    history: (room, after, limit) => ifValid(roomOf(room), (name) => push.history(name, after, limit)),
    presence: {
      user: (uid) => ifValid(uidOf(uid), push.presence.user),
      room: (room) => ifValid(roomOf(room), push.presence.room),
      page: (room, options) => ifValid(roomOf(room), (name) => push.presence.page(name, options)),
      counts: push.presence.counts,
    },
    inbox: {
      status: (uid, id) => ifValid(uidOf(uid), (name) => push.inbox.status(name, id)),
      pending: (uid, limit) => ifValid(uidOf(uid), (name) => push.inbox.pending(name, limit)),
      ack: (uid, ids) => ifValid(uidOf(uid), (name) => push.inbox.ack(name, ids)),
    },
    disconnectUser: (uid) => doIfValid(uidOf(uid), 'push.disconnectUser', push.disconnectUser),
    disconnectSocket(id) {
      const known = socketId.test(id) ? success(id) : failed('payload_invalid', 'the id is not a socket id');
      return doIfValid(known, 'push.disconnectSocket', push.disconnectSocket);
    },
    moveUser: (uid, room, change) =>
      doIfValid(both(uidOf(uid), roomOf(room)), 'push.moveUser', ([user, name]) => push.moveUser(user, name, change)),
  };
}

function ifValid<N, T>(names: Result<N>, act: (names: N) => Promise<Result<T>>): Promise<Result<T>> {
  return names.ok ? act(names.value) : Promise.resolve(names);
}

/** Two names, or the failure of the first that is invalid. */
function both<A, B>(one: Result<A>, other: Result<B>): Result<readonly [A, B]> {
  if (!one.ok) return one;
  return other.ok ? success([one.value, other.value]) : other;
}

function roomOf(room: unknown): Result<string> {
  return parseRoom(Number.isSafeInteger(room) ? String(room) : room);
}

function uidOf(uid: unknown): Result<string> {
  const user = parseUid(uid);
  return user.ok ? user : failed('payload_invalid', user.failure.detail ?? 'a uid is a string or a whole number');
}

/** Checks an event, and the idempotency key that its message may have. */
function eventOf(event: unknown, { id }: Pick<RoomOptions | UserOptions, 'id'> = {}): Result<string> {
  const fault = id === undefined ? undefined : typeof id === 'string' ? nameFault(id, maxIdBytes) : 'no text';
  return fault === undefined ? parseEvent(event) : failed('payload_invalid', `the id is ${fault}`);
}
