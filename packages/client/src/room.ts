import type { AnyEvents, Gap, Joined, Position, PresenceEvent, Published } from '@gopush/contract';

/** Undoes the call that returned it. */
export type Unsubscribe = () => void;

/** How a room is entered. */
export interface JoinOptions {
  /** The last position that the client has; it gets the messages after it. @defaultValue none: only new messages */
  readonly from?: Position | null;
}

/** How a message is published. */
export interface PublishOptions {
  /** Idempotency key: messages of the same id are published once. */
  readonly id?: string;
  /** Whether this client gets the message, too. @defaultValue false */
  readonly echo?: boolean;
  /** Whether the message is not kept, and lost to clients that cannot take it now. @defaultValue false */
  readonly volatile?: boolean;
}

/** There may be messages after `after` and up to `position` that this client did not get. */
export interface RoomGap extends Gap {
  /** The last position that the client had; `null`: none. */
  readonly after: Position | null;
}

/** What is called for a message of a room. */
type MessageHandler<T> = (message: T, position: Position | null, sender: string | null) => void;

/** The events of rooms that are declared; any event where none are. */
type OnMessage<Events extends object> = string extends keyof Events
  ? <T = unknown>(event: string, handler: MessageHandler<T>) => Unsubscribe
  : <E extends keyof Events & string>(event: E, handler: MessageHandler<Events[E]>) => Unsubscribe;

/** The message is optional where its type says so. */
type PublishMessage<Events extends object> = <E extends keyof Events & string>(
  event: E,
  ...rest: undefined extends Events[E]
    ? [message?: Events[E], options?: PublishOptions]
    : [message: Events[E], options?: PublishOptions]
) => Promise<Published>;

/**
 * A room that this client is in, and enters again after each reconnect.
 *
 * @typeParam Events - messages by event, as given to `createClient`
 */
export interface Room<Events extends object = AnyEvents> {
  readonly name: string;
  /** Position of the last message in the room's history; `null` where the room keeps none, or has none yet. Meant as `from` of a later join. */
  readonly position: Position | null;
  /** The response to the first join; rejects with a {@link GopushError} where it is refused. */
  readonly joined: Promise<Joined>;
  /**
   * Calls back for each message of an event in this room. Its position is `null` where it was not kept; its sender is the uid of the client
   * that published it, `null` for a program or where `pushServer.senders` is off.
   */
  readonly on: OnMessage<Events>;
  /** Calls back where messages may be lost for good. */
  onGap(handler: (gap: RoomGap) => void): Unsubscribe;
  /** Calls back each time the client has entered the room: after the first join and after reconnects; soon, where it is in. */
  onJoined(handler: () => void): Unsubscribe;
  /** Calls back when a user comes or goes. Push-servers tell it with `pushServer.presenceEvents`. */
  onPresence(handler: (event: PresenceEvent) => void): Unsubscribe;
  /**
   * Publishes a message to the other members of the room. Rejects with a {@link GopushError}; after one, publish it again with the same `id` to be
   * sure that it arrives once.
   */
  readonly publish: PublishMessage<Events>;
  leave(): Promise<void>;
}
