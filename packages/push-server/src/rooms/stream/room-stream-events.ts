import type { Position } from '@gopush/contract';
import type { KeptMessage } from '@gopush/store';

/** The members of one room on this node. */
export interface RoomMembers {
  /** Full name of the room. */
  readonly room: string;
  /** In which turn a member entered the room; `undefined`: it has not. */
  turnOf(id: string): number | undefined;
  /** The members that entered the room in this turn or later. */
  enteredSince(turn: number): readonly string[];
}

/** Calls of a stream of a room to this node and to the room's members. */
export interface RoomStreamEvents {
  /**
   * Makes other nodes send the messages of a room to this one. Resolves when they do, or when waiting ends without that.
   *
   * @param onLate - called if some may have been sent before they came here
   */
  follow(room: string, onLate: () => void): Promise<void>;
  /** The opposite: no member is left here. */
  unfollow(room: string): void;
  /** The current turn: see `DeliveredKeys.turn`. */
  turn(): number;
  /** Delivers a message to all members, in order. */
  deliver(members: RoomMembers, message: KeptMessage, position: Position): void;
  /** A message could not be decoded: members miss everything up to this position. */
  undeliverable(room: string, position: Position, error: unknown): void;
  /** Members may miss messages up to this position, for good. */
  gap(room: string, position: Position): void;
  /** The room's history starts or restarts, and members miss nothing. */
  began(room: string, position: Position): void;
  /** The history that had this epoch is no more; another one follows. */
  ended(room: string, epoch: string): void;
  /** The history could not be read; the stream retries. */
  failed(room: string, error: unknown): void;
  /** A member came back to a position: whether it was given all that it had missed. */
  cameBack(recovered: boolean): void;
}
