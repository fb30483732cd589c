import type { Gap, Joined, Position, Published } from '@gopush/contract';

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

/** A room that this client is in, and enters again after each reconnect. */
export interface Room {
  readonly name: string;
  /** Position of the last message in the room's history; `null` where the room keeps none, or has none yet. Meant as `from` of a later join. */
  readonly position: Position | null;
  /** The response to the first join; rejects with a {@link GopushError} where it is refused. */
  readonly joined: Promise<Joined>;
  /**
   * Calls back for each message of an event in this room. Its position is `null` where it was not kept; its sender is the uid of the client
   * that published it, `null` for a program or where `pushServer.senders` is off.
   */
  on<T = unknown>(
    event: string,
    handler: (message: T, position: Position | null, sender: string | null) => void,
  ): Unsubscribe;
  /** Calls back where messages may be lost for good. */
  onGap(handler: (gap: RoomGap) => void): Unsubscribe;
  /**
   * Publishes a message to the other members of the room. Rejects with a {@link GopushError}; after one, publish it again with the same `id` to be
   * sure that it arrives once.
   */
  publish(event: string, message?: unknown, options?: PublishOptions): Promise<Published>;
  leave(): Promise<void>;
}
