import type { EmittedRecord } from './emitted-record.ts';
import type { Emitted } from './event-log.ts';

/** Bounds of the events that one returning client is given. */
export interface ClientBounds {
  readonly clientBytes: number;
  readonly clientCount: number;
}

/** Events that were written to a client whose connection was lost, and that may not have arrived. */
export interface DoubtfulEvents {
  /** Those for many clients. */
  readonly many: readonly Emitted[];
  /** Those for this client alone. */
  readonly ofOne: readonly Emitted[];
  /** Whether no other node has the events of a stream. */
  readonly isHereOnly: (stream: string) => boolean;
  /** The number of the last delivery to this client that is not kept any more; 0: all are kept. */
  readonly forgotten: number;
}

/**
 * The stored form of these events: the places of those that other nodes have as well, and the whole of the others. If
 * there are too many the oldest are left out.
 */
export function recordLost(
  { many, ofOne, isHereOnly, forgotten }: DoubtfulEvents,
  bounds: ClientBounds,
): Omit<EmittedRecord, 'streams'> {
  const own = inOrder([...ofOne, ...many.filter(({ place }) => isHereOnly(place.epoch))]);
  const doubtful = inOrder(many.filter(({ place }) => !isHereOnly(place.epoch)));
  const dropped = Math.max(
    forgotten,
    doubtful.at(-bounds.clientCount - 1)?.count ?? 0,
    lastBeyond(own, bounds.clientCount, bounds.clientBytes / 4),
  );
  const isKept = ({ count }: { readonly count: number }): boolean => count > dropped;
  return {
    doubtful: doubtful.filter(isKept).map(({ place, count }) => [place.epoch, place.offset, count]),
    own: own.filter(isKept).map(({ count, place, encoded, compress }) => ({ count, place, encoded, compress })),
    ...(dropped > 0 ? { after: dropped } : {}),
  };
}

function inOrder(events: readonly Emitted[]): readonly Emitted[] {
  return events.toSorted((one, other) => one.count - other.count);
}

/** The number of the last delivery beyond `most` events or `mostBytes` bytes, counted from the end; 0: all fit. */
function lastBeyond(events: readonly Emitted[], most: number, mostBytes: number): number {
  let bytes = 0;
  const last = events.findLastIndex(({ encoded }, index) => {
    for (const part of encoded) bytes += part.length;
    return bytes > mostBytes || events.length - index > most;
  });
  return events[last]?.count ?? 0;
}
