import type { Position } from '@gopush/contract';
import type { Delivery } from '../rooms/delivery/recent-deliveries.ts';

/** The part of a stored socket about the events of programs. */
export interface EmittedRecord {
  /** The last event of each stream of the namespace that this node has: all that its client was sent is up to there. */
  readonly streams: readonly (readonly [stream: string, offset: number])[];
  /** Events that were written to the client and may not have arrived, in order. Only of a lost connection. */
  readonly doubtful?: readonly (readonly [stream: string, offset: number, count: number])[];
  /** The same for events that no other node has: those for this client alone, and those for the clients of its node. */
  readonly own?: readonly OwnEvent[];
  /** The number of the delivery after which these begin, if there were more of them. */
  readonly after?: number;
}

/** An event that no other node has. */
export interface OwnEvent {
  /** The number of its delivery among those of its node. */
  readonly count: number;
  readonly place: Position;
  readonly encoded: readonly (string | Uint8Array)[];
  readonly compress: boolean | undefined;
}

/**
 * The last position of a client as one among the deliveries of its node: that of an event of a program becomes the
 * number of its delivery, any other stays as it is.
 */
export function placeAmongDeliveries(
  { emitted, node }: LostDeliveries,
  last: Position | undefined,
): Position | undefined {
  const count = last && countOf(emitted, last);
  return count === undefined ? last : { epoch: node, offset: count };
}

/** The last delivery of its node up to which a client has had everything; `undefined`: not known. */
export function deliveredTo(lost: LostDeliveries, last: Position | undefined): number | undefined {
  const { emitted, tail, tailAfter = 0, node } = lost;
  const { doubtful = [], own = [], after = 0 } = emitted ?? {};
  if (last === undefined) {
    const isDoubtful = doubtful.length > 0 || own.length > 0 || tail.length > 0 || after > 0 || tailAfter > 0;
    return isDoubtful ? undefined : Number.POSITIVE_INFINITY;
  }
  const { epoch, offset } = placeAmongDeliveries(lost, last) as Position;
  if (epoch === node) return offset;
  // Messages of a room that a client is given at once have one number.
  const ofRoom = tail.findLast(({ position }) => position.epoch === epoch && position.offset === offset);
  if (ofRoom !== undefined) return ofRoom.count;
  // It is older than all that may not have arrived.
  return after > 0 || tailAfter > 0 ? undefined : 0;
}

/** The number of the delivery of an event. */
function countOf(emitted: EmittedRecord | undefined, { epoch, offset }: Position): number | undefined {
  const { doubtful = [], own = [] } = emitted ?? {};
  const event = doubtful.find(([stream, at]) => stream === epoch && at === offset);
  return event?.[2] ?? own.find(({ place }) => place.epoch === epoch && place.offset === offset)?.count;
}

/** The deliveries to a client whose connection was lost. */
export interface LostDeliveries {
  readonly emitted: EmittedRecord | undefined;
  /** The last messages of its rooms that were written to it. */
  readonly tail: readonly Delivery[];
  /** The number of the delivery after which these begin, if there were more of them. */
  readonly tailAfter?: number | undefined;
  /** The node that wrote them. */
  readonly node: string;
}
