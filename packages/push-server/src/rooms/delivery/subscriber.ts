import type { Position } from '@gopush/contract';
import type { Publication } from '../codec/publication.ts';

/**
 * A receiver of the messages of rooms on this node: the session of a Socket.IO client, or a listener of the HTTP API. Live messages reach Socket.IO
 * clients as a group (`Clients`), so that one frame serves all of them. By this interface each one gets the messages that it missed.
 */
export interface Subscriber {
  /** Its name as a member of rooms. */
  readonly id: string;
  /** @param publication - the same object for all subscribers of a room, so that work on it can be shared */
  receive(room: string, publication: Publication, position: Position | null): void;
  /** It had the message at this position before. */
  skip(room: string, position: Position): void;
  /** Messages up to this position are missed for good. */
  gap(room: string, position: Position): void;
}
