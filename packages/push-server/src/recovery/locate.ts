import type { Position } from '@gopush/contract';
import type { HistoryPage, HistoryStore } from '@gopush/store';
import type { SessionRecord, SocketRecord } from '../stored-session/session-record.ts';

/** How far apart messages of two rooms may be and still arrive in the other order, in milliseconds. */
const slackMs = 1_000;

/** Most messages of a room that are read. */
const mostMessages = 1_000;

/** Stands for a position that is not known: the client is notified of a gap. */
const unknown: Position = { epoch: '?', offset: 0 };

/** A room of a client: the position at which it began there, and the history. */
interface Room {
  readonly name: string;
  readonly began: Position | null;
  readonly page: HistoryPage;
}

/**
 * The positions of a client in its rooms whose push-server died, and whose agent no longer knows what was sent to
 * it.
 *
 * In the room of its last message, that message is its position. In other rooms it has had what was kept before that message, and
 * nothing that was kept after it. If it has had no message since its session was saved, its positions are those of
 * then. If its position cannot be decided, as with messages of two rooms at about the same time, it is notified of a gap.
 *
 * @param last - the position that it had last
 */
export async function locate(
  session: Pick<SessionRecord, 'isExact' | 'node' | 'count'>,
  record: Pick<SocketRecord, 'positions' | 'reached'>,
  last: Position | undefined,
  history: HistoryStore,
): Promise<Map<string, Position | null>> {
  const rooms = await Promise.all(
    record.positions.map(async ([name, began]): Promise<Room> => {
      // The last messages that were written to it may not have arrived.
      const after = session.isExact ? 0 : (began?.offset ?? 0);
      return { name, began, page: await history.read(name, after, mostMessages) };
    }),
  );
  const ofLast = rooms.find(({ page }) => page.epoch !== undefined && page.epoch === last?.epoch);
  const at = ofLast?.page.messages.find(({ offset }) => offset === last?.offset)?.at;
  const reached = new Map(record.reached);
  return new Map(
    rooms.map((room): [string, Position | null] => {
      const { name, began, page } = room;
      if (page.epoch === undefined) return [name, began];
      if (room === ofLast) return [name, last ?? null];
      // A room without a history when it came got all of it later.
      const from = began ?? { epoch: page.epoch, offset: 0 };
      if (from.epoch !== page.epoch || page.messages.length === 0) return [name, from];
      if (at !== undefined) return [name, byTime(page, at, session.isExact ? 0 : from.offset)];
      if (session.isExact) return [name, from];
      return [name, byCount({ from, reached: reached.get(name), newest: page.last }, session, last)];
    }),
  );
}

/** @param least - the position that it had reached for certain */
function byTime({ epoch = '', messages }: HistoryPage, at: number, least: number): Position {
  if (messages.some((one) => Math.abs(one.at - at) < slackMs)) return unknown;
  return { epoch, offset: messages.findLast((one) => one.at < at)?.offset ?? least };
}

/** How far a client came in a room. */
interface Reach {
  /** The position at which it began there. */
  readonly from: Position;
  /** The position that it had when its session was saved. */
  readonly reached: Position | null | undefined;
  /** Offset of the newest message. */
  readonly newest: number;
}

/** Its last position is not one of a room. */
function byCount(
  { from, reached, newest }: Reach,
  { node, count = -1 }: Pick<SessionRecord, 'node' | 'count'>,
  last: Position | undefined,
): Position {
  const stood = reached ?? from;
  if (stood.epoch !== from.epoch) return unknown;
  // Nothing was published since.
  if (stood.offset === newest && stood.offset === from.offset) return stood;
  if (last?.epoch !== node || last.offset > count) return stood.offset === newest ? stood : unknown;
  // It has had all that was written before its last position, and nothing that was written after its session was saved.
  return last.offset === count || stood.offset === from.offset ? stood : unknown;
}
