import type { Position } from '@gopush/contract';
import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';

/** The known state of a client whose connection was lost. */
export interface LostClient {
  /** The positions up to which messages of its rooms were written to it. */
  readonly positions: readonly (readonly [string, Position | null])[];
  /** The last of these messages, in order. */
  readonly tail: readonly Delivery[];
  /** The number of the delivery after which these begin, if there were more of them. */
  readonly tailAfter: number;
  /** The node that wrote them. */
  readonly node: string;
}

/**
 * Computes the client's position in each room from the last position that it reports: everything written before that has
 * arrived, and nothing after it.
 *
 * @param last - the last position that the client reports
 * @returns `undefined` if the positions cannot be determined
 */
export function rewind(
  { positions, tail, tailAfter, node }: LostClient,
  last: Position | undefined,
): Map<string, Position | null> | undefined {
  const stands = new Map(positions);
  if (tail.length === 0 && tailAfter === 0) return stands;
  if (last === undefined) return undefined;
  // A position of the node counts the deliveries before it. One in a room is that of a delivery, or is older than
  // all of these.
  const got = tail.findLastIndex(({ position, count }) =>
    last.epoch === node ? count <= last.offset : position.epoch === last.epoch && position.offset === last.offset,
  );
  if (got === -1 && tailAfter > 0 && (last.epoch !== node || last.offset < tailAfter)) return undefined;
  // Backwards, so that the first missing message of each room wins.
  for (let index = tail.length - 1; index > got; index--) {
    const { room, position } = tail[index] as Delivery;
    stands.set(room, { epoch: position.epoch, offset: position.offset - 1 });
  }
  return stands;
}
