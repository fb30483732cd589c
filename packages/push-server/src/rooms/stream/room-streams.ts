import type { Position } from '@gopush/contract';
import type { HistoryStore, KeptMessage as Logged } from '@gopush/store';
import { joinRuns } from '../../tasks/join-runs.ts';
import { paced } from '../../tasks/paced.ts';
import { type Doubt, type FeedEvents, RoomFeed } from './room-stream.ts';

/** The rooms in which this node has members. */
export interface Feeds {
  /** Follows a room for a socket that is to become a member. */
  open(room: string, socket: string): Promise<void>;
  /**
   * Makes a socket a member from its position on, from the start of what is kept, or from now on.
   *
   * @param enter - puts it into the room, in the same breath in which what it missed is complete
   * @returns where it stands, and whether it has all that came since; neither where it left meanwhile
   */
  join(
    room: string,
    socket: string,
    from: Position | 'start' | undefined,
    enter: (missed: readonly Logged[], position: Position | null) => void,
  ): Promise<{ readonly position: Position | null; readonly recovered: boolean | undefined }>;
  leave(room: string, socket: string): void;
  /** Whether a room has members here. */
  has(room: string): boolean;
  /** A message came live, from this node or another. */
  receive(room: string, epoch: string, message: Logged): void;
  /** The log of a room has a message at this place. */
  heardOf(room: string, position: Position): void;
  /** The members of a room that entered it in this turn or later. */
  since(room: string, turn: number): readonly string[];
  /** In which turn a member entered a room; `undefined`: it has not. */
  turnOf(room: string, socket: string): number | undefined;
  /** Where the members of a room stand; `null` where it keeps nothing or has none here. */
  position(room: string): Position | null;
  /** Messages may have been lost on their way here: all rooms look into their logs. */
  catchUp(doubt: Doubt): void;
  /** A message that one member missed cannot be decoded. */
  undecodable(of: string, error: unknown): void;
  readonly size: number;
  close(): void;
}

/** How long one room's log is waited for while all rooms catch up, in milliseconds: one that cannot be read must not keep others waiting. */
const fillMs = 2_000;

/** Opens the account of rooms. */
export function createFeeds(history: HistoryStore, events: FeedEvents): Feeds {
  const feeds = new Map<string, RoomFeed>();

  function feedOf(room: string): RoomFeed {
    let feed = feeds.get(room);
    if (feed === undefined) {
      feed = new RoomFeed(room, history, events);
      feeds.set(room, feed);
    }
    return feed;
  }

  function release(feed: RoomFeed): void {
    if (feed.members.size > 0) return;
    feed.close();
    if (feeds.get(feed.room) === feed) feeds.delete(feed.room);
  }

  const fillAll = joinRuns(() => paced(feeds.values(), (feed) => feed.fillWithin(fillMs)));

  return {
    get size() {
      return feeds.size;
    },
    async open(room, socket) {
      const feed = feedOf(room);
      feed.members.set(socket, feed.members.get(socket));
      await feed.opened;
    },
    async join(room, socket, from, enter) {
      const feed = feedOf(room);
      feed.members.set(socket, feed.members.get(socket));
      await feed.opened;
      const missed: Logged[] = [];
      let at = from === 'start' ? startOf(feed) : from;
      const isWanted = at !== undefined;
      // No await between the last look and entering: a message could go out in between.
      while (at !== undefined && !feed.isAt(at) && feed.members.has(socket)) {
        const some = await feed.since(at).catch(() => undefined);
        if (some === undefined) {
          at = undefined;
          break;
        }
        missed.push(...some);
        at = { epoch: at.epoch, offset: some.at(-1)?.offset ?? at.offset };
      }
      if (!feed.members.has(socket)) return { position: null, recovered: undefined };
      const { position } = feed;
      feed.members.set(socket, feed.members.get(socket) ?? events.turn());
      enter(at === undefined ? [] : missed, position);
      return { position, recovered: from === undefined ? undefined : !isWanted || at !== undefined };
    },
    leave(room, socket) {
      const feed = feeds.get(room);
      if (feed === undefined) return;
      feed.members.delete(socket);
      release(feed);
    },
    has: (room) => feeds.has(room),
    receive(room, epoch, message) {
      feeds.get(room)?.receive(epoch, message);
    },
    heardOf: (room, position) => feeds.get(room)?.heardOf(position),
    since(room, turn) {
      const members = feeds.get(room)?.members ?? [];
      return [...members].flatMap(([member, entered]) => (entered !== undefined && entered >= turn ? [member] : []));
    },
    turnOf: (room, socket) => feeds.get(room)?.members.get(socket),
    undecodable: events.undecodable,
    position: (room) => feeds.get(room)?.position ?? null,
    catchUp(doubt) {
      for (const feed of feeds.values()) feed.doubt(doubt);
      void fillAll();
    },
    close() {
      for (const feed of feeds.values()) feed.close();
      feeds.clear();
    },
  };
}

/** The start of a room's history; `undefined` where nothing was ever said. */
function startOf({ position }: RoomFeed): Position | undefined {
  return position === null ? undefined : { epoch: position.epoch, offset: 0 };
}
