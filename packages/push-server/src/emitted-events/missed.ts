import type { Position } from '@gopush/contract';
import type { SessionRecord, SocketRecord } from '../stored-session/session-record.ts';
import { deliveredTo, type OwnEvent } from './emitted-record.ts';

/** Where a client stands that comes back, or whose session moves, in the events that programs have sent. */
export interface Missed {
  /** The node that had it. */
  readonly node: string;
  /** When its session was written down, in milliseconds since 1970. */
  readonly at: number;
  /** After which event of each stream it goes on. */
  readonly after: ReadonlyMap<string, number>;
  /** Up to which event of each stream its node had sent to its clients. */
  readonly sent: ReadonlyMap<string, number>;
  /** Which of the deliveries of its node an event was, by its place: they go out in the same order again. */
  readonly counts: ReadonlyMap<string, number>;
  /** What its node had sent and no other node has. */
  readonly own: readonly OwnEvent[];
  /** Whether its session was written down at its end. */
  readonly isExact: boolean;
  /** The only stream of which it is known where the client stands, where that is not known of all. */
  readonly known?: string | undefined;
}

/** The name of an event of a stream. */
export function placeName(stream: string, offset: number): string {
  return `${stream}.${offset}`;
}

/**
 * What a client whose connection was lost has not got.
 *
 * @param last - the mark of the last thing it got
 * @returns `undefined` where nobody can tell
 */
export function missedByLost(
  session: SessionRecord,
  { emitted }: SocketRecord,
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
 * What a client whose session moves has not got.
 *
 * @param given - the last marks that went out to it, one of each stream, where its agent has seen any
 */
export function missedInMove(
  { node, at = 0, isExact }: SessionRecord,
  { emitted }: SocketRecord,
  given: readonly Position[],
): Missed | undefined {
  if (emitted === undefined) return undefined;
  const sent = new Map(emitted.streams);
  const after = new Map(sent);
  // Marks of rooms are among them, and are of no stream.
  for (const { epoch, offset } of given) after.set(epoch, offset);
  return { node, at, after, sent, counts: new Map(), own: [], isExact };
}

/**
 * What a client has not got whose node and agent are gone together: of the stream that its last mark is of that is known, and in others it stands
 * where it stood when its session was written down, if nothing was sent to it there since.
 *
 * @param last - the mark of the last thing it got
 */
export function missedByStranded(
  session: SessionRecord,
  record: SocketRecord,
  last: Position | undefined,
): Missed | undefined {
  const missed = missedInMove(session, record, last === undefined ? [] : [last]);
  return missed && { ...missed, ...(session.isExact ? {} : { known: last?.epoch ?? '' }) };
}
