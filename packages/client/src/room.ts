import type { AnyEvents, Gap, Joined, Position, PresenceEvent, Published } from '@gopush/contract';
import type { GopushError } from './error.ts';

/** Undoes the call that returned it. */
export type Unsubscribe = () => void;

/** Options of a join. */
export interface JoinOptions {
  /** The last position that the client has; it gets the messages after this position. @defaultValue none: only new messages */
  readonly from?: Position | null;
}

/** Options of a publication. */
export interface PublishOptions {
  /** Idempotency key: messages with the same id are published once. */
  readonly id?: string;
  /** Whether this client gets the message too. @defaultValue false */
  readonly echo?: boolean;
  /** Whether the message is not stored, and dropped for clients that cannot receive it now. @defaultValue false */
  readonly volatile?: boolean;
}

/** There may be messages after `after` and up to `position` that this client did not get. */
export interface RoomGap extends Gap {
  /** The last position that the client had; `null`: none. */
  readonly after: Position | null;
}

/** A handler of messages of a room. */
type MessageHandler<T> = (message: T, position: Position | null, sender: string | null) => void;

/** The declared events of rooms; any event if none are declared. */
type OnMessage<Events extends object> = string extends keyof Events
  ? <T = unknown>(event: string, handler: MessageHandler<T>) => Unsubscribe
  : <E extends keyof Events & string>(event: E, handler: MessageHandler<Events[E]>) => Unsubscribe;

/** The message is optional if its type says so. */
type PublishMessage<Events extends object> = <E extends keyof Events & string>(
  event: E,
  ...rest: undefined extends Events[E]
    ? [message?: Events[E], options?: PublishOptions]
    : [message: Events[E], options?: PublishOptions]
) => Promise<Published>;

/**
 * A room that this client is in, and joins again after each reconnect.
 *
 * @typeParam Events - messages by event, as given to `createClient`
 */
export interface Room<Events extends object = AnyEvents> {
  readonly name: string;
  /** Position of the last message in the room's history; `null` if the room has no history or no message yet. Use it as `from` of a later join. */
  readonly position: Position | null;
  /** The response to the first join; rejects with a {@link GopushError} if the join is refused. */
  readonly joined: Promise<Joined>;
  /**
   * Calls back for each message of an event in this room. Its position is `null` if it was not stored. Its sender is the uid of the client that
   * published it; `null` if a program published it, or if `pushServer.senders` is off.
   */
  readonly on: OnMessage<Events>;
  /** Calls back when messages may be lost permanently. */
  onGap(handler: (gap: RoomGap) => void): Unsubscribe;
  /**
   * Calls back after the first join and after each reconnect, as soon as the client is in the room again. Read there what may have changed meanwhile,
   * such as who is in the room. If the client is in the room already, calls back soon.
   */
  onJoined(handler: () => void): Unsubscribe;
  /**
   * Calls back when the client is refused, at the first join or at the one after a reconnect. It is then no longer in the room, and does not join it
   * again by itself.
   */
  onLost(handler: (error: GopushError) => void): Unsubscribe;
  /** Calls back when a user joins or leaves, if `pushServer.presenceEvents` is on. */
  onPresence(handler: (event: PresenceEvent) => void): Unsubscribe;
  /**
   * Publishes a message to the other members of the room. Without a connection, as before the first one, it rejects at once (`disconnected`). If it
   * rejects with a {@link GopushError}, publish the message again with the same `id`: it then arrives once.
   */
  readonly publish: PublishMessage<Events>;
  leave(): Promise<void>;
}
