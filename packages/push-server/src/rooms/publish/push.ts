import type { AnyEvents, PresencePage, PresenceRequest, Published, Result } from '@gopush/contract';
import type { DeliveryStatus, PresenceCounts, UserPresence } from '@gopush/store';
import type { History, PendingMessage } from '../store/stored-publications.ts';

/** How a message is published to a room. */
export interface RoomOptions {
  /** Id of a socket that does not get the message: the sender. */
  readonly except?: string;
  /** Uid of the client that publishes; members get it where `pushServer.senders` is on. @defaultValue a program publishes: `null` for members */
  readonly sender?: string;
  /** Idempotency key: a message with the same id is published once within `pushServer.history.ageMs`. */
  readonly id?: string;
  /**
   * Whether the message is kept in the history. `must`: where it cannot be kept it is not published (`not_durable`). `try`: where it cannot be
   * kept it is published to the clients that are reached now. `no`: it is not kept. Where it is not known whether it was kept, `must` and
   * `try` both end with `not_durable`. @defaultValue `'try'`
   */
  readonly keep?: 'must' | 'try' | 'no';
  /** With `keep: 'no'`: whether slow clients are left out. @defaultValue false */
  readonly volatile?: boolean;
}

/** How a message is published to a user. */
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

/** What became of a message to a user. */
export interface UserDelivery {
  readonly id: string;
  /** `sent`: to connected devices. `waiting`: in the inbox. `offline`: no device was connected. `duplicate`: it was published before. */
  readonly state: 'sent' | 'waiting' | 'offline' | 'duplicate';
  /** Devices that are connected now. */
  readonly devices: number;
  /** Present where only devices of this push-server were reached: others could not be reached, and the message was not kept. */
  readonly partial?: true;
}

/**
 * Publishes to clients on any push-server. The HTTP API, hooks and programs use it.
 *
 * A room or an event is text of 1 to 256 bytes without control characters; a uid is what a hook may return. All names are checked, so a name
 * that a client sent can be passed on as it is. A call with a wrong name does nothing: its result is `room_invalid`, `event_invalid` or
 * `payload_invalid`; a call without a result logs a warning.
 *
 * @typeParam Events - messages by event: a map that the project declares, for itself and for `createClient<Events>` of `gopush/client`. Nothing is
 * checked when it runs. @defaultValue any event, with a message of any type
 */
export interface Push<Events extends object = AnyEvents> {
  /**
   * The `push` of one product, for its rooms and users alone, where `pushServer.isolateProducts` is on. The plain `push` belongs to the
   * product `default`, but its `toAll` reaches the clients of all products.
   */
  of(product: string): Push<Events>;
  /**
   * Publishes an event to a room. Failures: `not_durable`; `room_invalid` and `event_invalid` for names that clients could not use either;
   * `payload_invalid` for a message that is nested deeper than 128, has more than 16 MiB or cannot be written as JSON.
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
   * Publishes an event to all connected clients. It is not kept.
   *
   * @returns `partial` where only clients of this push-server were reached
   */
  toAll<E extends keyof Events & string>(event: E, message: Events[E]): { readonly partial?: true };
  /** Reads the history of a room after an offset. Failures: `not_durable` while the store is away. */
  history(room: string, after: number, limit: number): Promise<Result<History>>;
  readonly presence: {
    user(uid: string): Promise<Result<UserPresence>>;
    /** All users in a room, read by pages. */
    room(room: string): Promise<Result<readonly { readonly uid: string; readonly devices: number }[]>>;
    /** A page of the users in a room: as many as are asked for, at most 1,000. Failures: `not_durable`, `payload_invalid`. */
    page(room: string, options?: Omit<PresenceRequest, 'room'>): Promise<Result<PresencePage>>;
    counts(): Promise<Result<PresenceCounts>>;
  };
  readonly inbox: {
    status(uid: string, id: string): Promise<Result<DeliveryStatus>>;
    pending(uid: string, limit: number): Promise<Result<readonly PendingMessage[]>>;
    ack(uid: string, ids: readonly string[]): Promise<Result<number>>;
  };
  /** Disconnects all devices of a user. They are told, and do not reconnect by themselves. */
  disconnectUser(uid: string): void;
  /** Disconnects one client in the same way. @param id - id of its socket */
  disconnectSocket(id: string): void;
  /** Puts all devices of a user into a room, or takes them out of it. */
  moveUser(uid: string, room: string, change: 'join' | 'leave'): void;
}
