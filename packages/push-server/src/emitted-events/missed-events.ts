import type { Position } from '@gopush/contract';
import { deliveredTo, type EmittedRecord, type LostDeliveries, type OwnEvent } from './emitted-record.ts';

/**
 * The events of programs that a client has missed: it has reconnected, or its session was taken from another node.
 */
export interface Missed {
  /** The node that had its session. */
  readonly node: string;
  /** When its session was saved, in milliseconds since 1970. */
  readonly at: number;
  /** The last event of each stream that it had. */
  readonly after: ReadonlyMap<string, number>;
  /** The last event of each stream that its node had sent to its clients. */
  readonly sent: ReadonlyMap<string, number>;
  /** The numbers of its node's deliveries, by the places of their events: they are delivered again in this order. */
  readonly counts: ReadonlyMap<string, number>;
  /** Events that no other node has. */
  readonly own: readonly OwnEvent[];
  /** Whether its session was saved at its end. */
  readonly isExact: boolean;
  /** The only stream in which the place of the client is known, if it is not known in all. */
  readonly known?: string | undefined;
}

/** A stored session, as far as it matters here. */
type StoredSession = Pick<LostDeliveries, 'node' | 'tail' | 'tailAfter'> & {
  readonly at?: number;
  readonly isExact: boolean;
};

/** A stored socket, as far as it matters here. */
interface StoredSocket {
  readonly emitted?: EmittedRecord;
}

/** A name for the place of an event. */
export function placeName(stream: string, offset: number): string {
  return `${stream}.${offset}`;
}

/**
 * The events that a client has missed whose connection was lost.
 *
 * @param last - the position that it had last
 * @returns `undefined`: not known
 */
export function missedByLost(
  session: StoredSession,
  { emitted }: StoredSocket,
  last: Position | undefined,
): Missed | undefined {
  if (emitted === undefined) return undefined;
  const { node, at = 0, tail, tailAfter } = session;
  const { streams, doubtful = [], own = [], after: dropped = 0 } = emitted;
  const got = deliveredTo({ emitted, tail, tailAfter, node }, last);
  if (got === undefined || got < dropped) return undefined;
  const sent = new Map(streams);
  const after = new Map(sent);
  const counts = new Map<string, number>();
  for (const [stream, offset, count] of doubtful) {
    counts.set(placeName(stream, offset), count);
    if (count > got) after.set(stream, Math.min(after.get(stream) ?? offset - 1, offset - 1));
  }
  return { node, at, after, sent, counts, own: own.filter(({ count }) => count > got), isExact: true };
}

/**
 * The events that a client has missed whose session was taken from another node.
 *
 * @param given - the last positions that its agent has seen go out to it, one of each stream
 */
export function missedInMigration(
  { node, at = 0, isExact }: StoredSession,
  { emitted }: StoredSocket,
  given: readonly Position[],
): Missed | undefined {
  if (emitted === undefined) return undefined;
  const sent = new Map(emitted.streams);
  const after = new Map(sent);
  // Positions in rooms are among them, and belong to no stream.
  for (const { epoch, offset } of given) after.set(epoch, offset);
  return { node, at, after, sent, counts: new Map(), own: [], isExact };
}

/**
 * The events that a client has missed whose node and agent died together. Its last position is its place in one
 * stream. In the others it had all events from before its session was saved, if none was sent to it there since.
 *
 * @param last - the position that it had last
 */
export function missedByStranded(
  session: StoredSession,
  record: StoredSocket,
  last: Position | undefined,
): Missed | undefined {
  const missed = missedInMigration(session, record, last === undefined ? [] : [last]);
  return missed && { ...missed, ...(session.isExact ? {} : { known: last?.epoch ?? '' }) };
}
