import type { AnyEvents, PresencePage, PresenceRequest, Published, Result } from '@gopush/contract';
import type { DeliveryStatus, PresenceCounts, UserPresence } from '@gopush/store';
import type { History, PendingMessage } from '../store/stored-publications.ts';

/** Options of a message to a room. */
export interface RoomOptions {
  /** Id of a socket that does not get the message: the sender. */
  readonly except?: string;
  /**
   * Uid of the client on whose behalf the message is published; members get it if `pushServer.senders` is on. @defaultValue none: members get `null`
   */
  readonly sender?: string;
  /** Idempotency key: a message with the same id is published once within `pushServer.history.ageMs`. */
  readonly id?: string;
  /**
   * Whether the message is stored in the history. `must`: if it cannot be stored, it is not published (`not_durable`). `try`: if it cannot be stored,
   * it is published to the clients that can be reached now. `no`: it is not stored. If it is unknown whether the message was stored, `must` and `try`
   * both fail with `not_durable`. @defaultValue `'try'`
   */
  readonly keep?: 'must' | 'try' | 'no';
  /** With `keep: 'no'`: whether the message is dropped for slow clients. @defaultValue false */
  readonly volatile?: boolean;
}

/** Options of a message to a user. */
export interface UserOptions {
  /**
   * `online`: to the devices that are connected now. `store`: to the user's inbox, until one device has acknowledged it.
   * @defaultValue `'online'`
   */
  readonly deliver?: 'online' | 'store';
  /** With `store`: how long the message waits, in milliseconds. @defaultValue `pushServer.inbox.ttlMs` */
  readonly ttlMs?: number;
  /** Idempotency key: a message with the same id is published once. @defaultValue a new one */
  readonly id?: string;
  /** With `online`: as for a room. @defaultValue `'try'` */
  readonly keep?: RoomOptions['keep'];
}

/** Whether a change, or an event to all, has reached all push-servers. */
export interface Reach {
  /** Present if other push-servers could not be reached: their clients miss it. */
  readonly partial?: true;
}

/** The result of a message to a user. */
export interface UserDelivery {
  readonly id: string;
  /** `sent`: to connected devices. `waiting`: in the inbox. `offline`: no device was connected. `duplicate`: it was published before. */
  readonly state: 'sent' | 'waiting' | 'offline' | 'duplicate';
  /** Number of devices that are connected now. */
  readonly devices: number;
  /** Present if the message was not stored, and other push-servers could not be reached: devices there miss it. */
  readonly partial?: true;
}

/**
 * Publishes to clients on any push-server. The HTTP API, hooks and programs use it.
 *
 * A room or an event is text of 1 to 256 bytes without control characters; a uid is what a hook may return. All names are checked, so you can pass a
 * name from a client without checking it. A call with an invalid name does nothing: its result is `room_invalid`, `event_invalid` or
 * `payload_invalid`; a call without a result logs a warning.
 *
 * @typeParam Events - messages by event: a map that the project declares, for itself and for `createClient<Events>` of `gopush/client`. At run time
 * nothing is checked. @defaultValue any event, with a message of any type
 */
export interface Push<Events extends object = AnyEvents> {
  /**
   * With `pushServer.isolateProducts`: the `push` of one product, which reaches only its rooms and users. The plain `push` belongs to the product
   * `default`, but its `toAll` reaches the clients of all products.
   */
  of(product: string): Push<Events>;
  /**
   * Publishes an event to a room. Failures: `not_durable`; `room_invalid` and `event_invalid` for names that clients may not use either;
   * `payload_invalid` for a message that is nested more than 128 levels deep, has more than 16 MiB or cannot be written as JSON.
   */
  toRoom<E extends keyof Events & string>(
    room: string,
    event: E,
    message: Events[E],
    options?: RoomOptions,
  ): Promise<Result<Published>>;
  /**
   * Publishes an event to all devices of a user. Failures: `not_durable`, `inbox_full`, `payload_invalid` as for a
   * room.
   * @throws TypeError for an unknown option
   */
  toUser<E extends keyof Events & string>(
    uid: string,
    event: E,
    message: Events[E],
    options?: UserOptions,
  ): Promise<Result<UserDelivery>>;
  /**
   * Publishes an event to all connected clients. The event is not stored.
   *
   * @returns `partial` if other push-servers could not be reached: their clients miss it
   */
  toAll<E extends keyof Events & string>(event: E, message: Events[E]): Reach;
  /** Reads the history of a room after an offset. Failures: `not_durable` while the store is down. */
  history(room: string, after: number, limit: number): Promise<Result<History>>;
  readonly presence: {
    user(uid: string): Promise<Result<UserPresence>>;
    /** All users in a room, read page by page. */
    room(room: string): Promise<Result<readonly { readonly uid: string; readonly devices: number }[]>>;
    /** A page of the users in a room, with as many users as `limit` says, at most 1,000. Failures: `not_durable`, `payload_invalid`. */
    page(room: string, options?: Omit<PresenceRequest, 'room'>): Promise<Result<PresencePage>>;
    counts(): Promise<Result<PresenceCounts>>;
  };
  readonly inbox: {
    status(uid: string, id: string): Promise<Result<DeliveryStatus>>;
    pending(uid: string, limit: number): Promise<Result<readonly PendingMessage[]>>;
    ack(uid: string, ids: readonly string[]): Promise<Result<number>>;
  };
  /**
   * Disconnects all devices of a user, with the reason `io server disconnect`: clients do not reconnect by themselves.
   *
   * @returns `partial` if other push-servers could not be reached: their clients stay, until this is called again
   */
  disconnectUser(uid: string): Reach;
  /** Disconnects one client in the same way. @param id - id of its socket */
  disconnectSocket(id: string): Reach;
  /** Adds all devices of a user to a room, or removes them from it. @returns `partial` as {@link Push.disconnectUser} */
  moveUser(uid: string, room: string, change: 'join' | 'leave'): Reach;
}
