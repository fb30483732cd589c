import type { Position } from '@gopush/contract';
import type { HistoryStore, KeptMessage as Logged } from '@gopush/store';
import { type FeedEvents, RoomFeed } from './room-feed.ts';

/** The rooms in which this node has members. */
export interface Feeds {
  /** Follows a room for a socket that is to become a member. */
  open(room: string, socket: string): Promise<void>;
  /**
   * Makes a socket a member from its position on, from the start of what is kept, or from now on.
   *
   * @param enter - puts it into the room, in the same breath in which what it missed is complete
   * @returns where it stands, and what it missed; `missed` is `undefined` where the log does not reach back to where it was
   */
  join(
    room: string,
    socket: string,
    from: Position | 'start' | undefined,
    enter: (missed: readonly Logged[], position: Position | null) => void,
  ): Promise<{ readonly position: Position | null; readonly recovered: boolean | undefined }>;
  leave(room: string, socket: string): void;
  /** A message came live, from this node or another. */
  receive(room: string, epoch: string, message: Logged): void;
  /** Where the members of a room stand; `null` where it keeps nothing or has none here. */
  position(room: string): Position | null;
  /** Messages may have been lost on their way here: all rooms look into their logs. */
  catchUp(): void;
  readonly size: number;
  close(): void;
}

/** Opens the account of rooms. */
export function createFeeds(history: HistoryStore, events: FeedEvents): Feeds {
  const feeds = new Map<string, RoomFeed>();
  const opening = new Map<string, Promise<void>>();

  function feedOf(room: string): RoomFeed {
    let feed = feeds.get(room);
    if (feed === undefined) {
      feed = new RoomFeed(room, history, events);
      feeds.set(room, feed);
      const opened = feed.open();
      opening.set(room, opened);
      void opened.finally(() => opening.delete(room));
    }
    return feed;
  }

  function release(feed: RoomFeed): void {
    if (feed.members.size > 0) return;
    feed.close();
    if (feeds.get(feed.room) === feed) feeds.delete(feed.room);
  }

  return {
    get size() {
      return feeds.size;
    },
    async open(room, socket) {
      feedOf(room).members.add(socket);
      await opening.get(room);
    },
    async join(room, socket, from, enter) {
      const feed = feedOf(room);
      feed.members.add(socket);
      await opening.get(room);
      const missed = from === undefined ? undefined : await everythingSince(feed, from);
      if (!feed.members.has(socket)) return { position: null, recovered: undefined };
      const { position } = feed;
      enter(missed ?? [], position);
      return { position, recovered: from === undefined ? undefined : missed !== undefined };
    },
    leave(room, socket) {
      const feed = feeds.get(room);
      if (feed === undefined) return;
      feed.members.delete(socket);
      release(feed);
    },
    receive(room, epoch, message) {
      feeds.get(room)?.receive(epoch, message);
    },
    position: (room) => feeds.get(room)?.position ?? null,
    catchUp() {
      for (const feed of feeds.values()) void feed.fill();
    },
    close() {
      for (const feed of feeds.values()) feed.close();
      feeds.clear();
    },
  };
}

/** What came since a position, up to where the members stand when this resolves. */
async function everythingSince(feed: RoomFeed, from: Position | 'start'): Promise<readonly Logged[] | undefined> {
  const all: Logged[] = [];
  const start = feed.position;
  // Nothing was ever said there.
  if (from === 'start' && start === null) return all;
  let at = from === 'start' ? { epoch: start?.epoch ?? '', offset: 0 } : from;
  do {
    const missed = await feed.since(at).catch(() => undefined);
    if (missed === undefined) return undefined;
    all.push(...missed);
    at = { epoch: at.epoch, offset: missed.at(-1)?.offset ?? at.offset };
    // While this was on its way here another message may have gone out.
  } while (feed.position?.epoch === at.epoch && feed.position.offset !== at.offset);
  return all;
}
