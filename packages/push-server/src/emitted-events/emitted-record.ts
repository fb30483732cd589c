import type { Position } from '@gopush/contract';
import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';

/** What is written down with a socket of the events that programs have sent to it. */
export interface EmittedRecord {
  /** Up to where this node has each stream of events of the namespace; what its client was sent of it is before. */
  readonly streams: readonly (readonly [stream: string, offset: number])[];
  /** What went out to the client and may not have arrived, in order. Only of a lost connection. */
  readonly doubtful?: readonly (readonly [stream: string, offset: number, count: number])[];
  /** The same of events that no other node has: those for this client alone, and for the clients of its node. */
  readonly own?: readonly OwnEvent[];
  /** Which of the node's deliveries these begin after, where there were more of them. */
  readonly after?: number;
}

/** An event that no other node has. */
export interface OwnEvent {
  readonly count: number;
  readonly place: Position;
  readonly encoded: readonly (string | Uint8Array)[];
  readonly compress: boolean | undefined;
}

/**
 * The mark of the last thing that a client got, as one that tells its place among the deliveries of its node and in its rooms: for an event of a
 * program that of its delivery, any other as it is.
 */
export function placeAmongDeliveries(
  { emitted, node }: LostDeliveries,
  last: Position | undefined,
): Position | undefined {
  const count = last && countOf(emitted, last);
  return count === undefined ? last : { epoch: node, offset: count };
}

/** Up to which of the deliveries of its node a client got everything; `undefined` where nobody can tell. */
export function deliveredTo(lost: LostDeliveries, last: Position | undefined): number | undefined {
  const { emitted, tail, tailAfter = 0, node } = lost;
  const { doubtful = [], own = [], after = 0 } = emitted ?? {};
  if (last === undefined) {
    const isDoubtful = doubtful.length > 0 || own.length > 0 || tail.length > 0 || after > 0 || tailAfter > 0;
    return isDoubtful ? undefined : Number.POSITIVE_INFINITY;
  }
  const { epoch, offset } = placeAmongDeliveries(lost, last) as Position;
  if (epoch === node) return offset;
  // Of what a client is given at once in a room all has one number.
  const ofRoom = tail.findLast(({ position }) => position.epoch === epoch && position.offset === offset);
  if (ofRoom !== undefined) return ofRoom.count;
  // It is older than all that may not have arrived.
  return after > 0 || tailAfter > 0 ? undefined : 0;
}

/** Which delivery an event of a program was. */
function countOf(emitted: EmittedRecord | undefined, { epoch, offset }: Position): number | undefined {
  const { doubtful = [], own = [] } = emitted ?? {};
  const event = doubtful.find(([stream, at]) => stream === epoch && at === offset);
  return event?.[2] ?? own.find(({ place }) => place.epoch === epoch && place.offset === offset)?.count;
}

/** What is known of a client whose connection was lost. */
export interface LostDeliveries {
  readonly emitted: EmittedRecord | undefined;
  /** The last of what it was given in its rooms. */
  readonly tail: readonly Delivery[];
  readonly tailAfter?: number | undefined;
  /** The node that gave it. */
  readonly node: string;
}
