import type { Position } from '@gopush/contract';
import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';

/** What is known of a client whose connection was lost. */
export interface LostClient {
  /** What it was given in its rooms. */
  readonly positions: readonly (readonly [string, Position | null])[];
  /** The last of it, in order. */
  readonly tail: readonly Delivery[];
  /** See {@link Tail}. */
  readonly tailAfter: number;
  /** The node that gave it. */
  readonly node: string;
}

/**
 * Where a client stands in its rooms, as it knows itself: up to the last thing it got all that was given before has arrived, and nothing
 * after.
 *
 * @param last - the mark of the last thing it got
 * @returns `undefined` where that cannot be told
 */
export function rewind(
  { positions, tail, tailAfter, node }: LostClient,
  last: Position | undefined,
): Map<string, Position | null> | undefined {
  const stands = new Map(positions);
  if (tail.length === 0 && tailAfter === 0) return stands;
  if (last === undefined) return undefined;
  // A mark of the node says how many deliveries came before; one of a room is that of a delivery, or is older than all of these.
  const got = tail.findLastIndex(({ position, count }) =>
    last.epoch === node ? count <= last.offset : position.epoch === last.epoch && position.offset === last.offset,
  );
  if (got === -1 && tailAfter > 0 && (last.epoch !== node || last.offset < tailAfter)) return undefined;
  // From the end, so that of several messages of a room the first one that is missing counts.
  for (let index = tail.length - 1; index > got; index--) {
    const { room, position } = tail[index] as Delivery;
    stands.set(room, { epoch: position.epoch, offset: position.offset - 1 });
  }
  return stands;
}
