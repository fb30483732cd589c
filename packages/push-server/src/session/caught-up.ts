import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';

/** Messages of a room's history that a client was given at once, when it entered the room. */
export interface CaughtUp {
  readonly room: string;
  readonly epoch: string;
  /** The offset of the first message. */
  readonly first: number;
  /** The offset of the last message. */
  readonly last: number;
  /** The number of this delivery among those of the node. */
  readonly count: number;
  /** When, by `performance.now()`. */
  readonly at: number;
}

/** The same as one delivery for each message. */
export function deliveriesOf({ room, epoch, first, last, count }: CaughtUp): Delivery[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    room,
    position: { epoch, offset: first + index },
    count,
  }));
}
