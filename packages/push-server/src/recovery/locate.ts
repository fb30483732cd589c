import type { Position } from '@gopush/contract';
import type { HistoryPage, HistoryStore } from '@gopush/store';
import type { SessionRecord, SocketRecord } from '../stored-session/session-record.ts';

/** How far apart messages of two rooms may be and still arrive in the other order, in milliseconds. */
const slackMs = 1_000;

/** Most messages of a room that are looked at. */
const mostMessages = 1_000;

/** Stands for a place that is not known: the client is told of a gap. */
const unknown: Position = { epoch: '?', offset: 0 };

/** One of its rooms: where it began there, and what the room has. */
interface Room {
  readonly name: string;
  readonly began: Position | null;
  readonly page: HistoryPage;
}

/**
 * Where a client stands in its rooms whose push-server died, and whose agent cannot say any more what went out to it.
 *
 * In the room of the last message that it got, the message tells. In other rooms it has what was kept before that message, and nothing that was kept
 * after it. Where it got no message since its session was written down, it stands where it stood then. Where nobody can tell, as with
 * messages of two rooms at about the same time, it is told of a gap.
 *
 * @param last - the mark of the last thing it got
 */
export async function locate(
  session: Pick<SessionRecord, 'isExact' | 'node' | 'count'>,
  record: Pick<SocketRecord, 'positions' | 'reached'>,
  last: Position | undefined,
  history: HistoryStore,
): Promise<Map<string, Position | null>> {
  const rooms = await Promise.all(
    record.positions.map(async ([name, began]): Promise<Room> => {
      // What was given to it last it may not have got.
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
      // Without a history when it came, all of it came later; so it did where that has begun anew.
      const from = began ?? { epoch: page.epoch, offset: 0 };
      if (from.epoch !== page.epoch || page.messages.length === 0) return [name, from];
      if (at !== undefined) return [name, byTime(page, at, session.isExact ? 0 : from.offset)];
      if (session.isExact) return [name, from];
      return [name, byCount(from, reached.get(name), page, session, last)];
    }),
  );
}

/** @param least - up to where it surely was */
function byTime({ epoch = '', messages }: HistoryPage, at: number, least: number): Position {
  if (messages.some((one) => Math.abs(one.at - at) < slackMs)) return unknown;
  return { epoch, offset: messages.findLast((one) => one.at < at)?.offset ?? least };
}

/** The last thing that it got was no message of a room. */
function byCount(
  from: Position,
  reached: Position | null | undefined,
  { last: newest }: HistoryPage,
  { node, count = -1 }: Pick<SessionRecord, 'node' | 'count'>,
  last: Position | undefined,
): Position {
  const stood = reached ?? from;
  if (stood.epoch !== from.epoch) return unknown;
  // Nothing has come since, whether or not it got anything.
  if (stood.offset === newest && stood.offset === from.offset) return stood;
  if (last?.epoch !== node || last.offset > count) return stood.offset === newest ? stood : unknown;
  // It has got nothing that was given after its session was written down, and all that was given before the last thing it got.
  return last.offset === count || stood.offset === from.offset ? stood : unknown;
}
