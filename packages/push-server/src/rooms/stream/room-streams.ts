import type { Position } from '@gopush/contract';
import type { HistoryStore, KeptMessage } from '@gopush/store';
import { joinRuns } from '../../tasks/join-runs.ts';
import { paced } from '../../tasks/paced.ts';
import { type Doubt, RoomStream, type RoomStreamEvents } from './room-stream.ts';

/** The rooms in which this node has members. */
export interface RoomStreams {
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
    enter: (missed: readonly KeptMessage[], position: Position | null) => void,
  ): Promise<{ readonly position: Position | null; readonly recovered: boolean | undefined }>;
  leave(room: string, socket: string): void;
  /** Whether a room has members here. */
  has(room: string): boolean;
  /** A message came live, from this node or another. */
  receive(room: string, epoch: string, message: KeptMessage): void;
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
export function createRoomStreams(history: HistoryStore, events: RoomStreamEvents): RoomStreams {
  const streams = new Map<string, RoomStream>();

  function streamOf(room: string): RoomStream {
    let stream = streams.get(room);
    if (stream === undefined) {
      stream = new RoomStream(room, history, events);
      streams.set(room, stream);
    }
    return stream;
  }

  function release(stream: RoomStream): void {
    if (stream.members.size > 0) return;
    stream.close();
    if (streams.get(stream.room) === stream) streams.delete(stream.room);
  }

  const fillAll = joinRuns(() => paced(streams.values(), (stream) => stream.fillWithin(fillMs)));

  return {
    get size() {
      return streams.size;
    },
    async open(room, socket) {
      const stream = streamOf(room);
      stream.members.set(socket, stream.members.get(socket));
      await stream.opened;
    },
    async join(room, socket, from, enter) {
      const stream = streamOf(room);
      stream.members.set(socket, stream.members.get(socket));
      await stream.opened;
      const missed: KeptMessage[] = [];
      let at = from === 'start' ? startOf(stream) : from;
      const isWanted = at !== undefined;
      // No await between the last look and entering: a message could go out in between.
      while (at !== undefined && !stream.isAt(at) && stream.members.has(socket)) {
        const some = await stream.since(at).catch(() => undefined);
        if (some === undefined) {
          at = undefined;
          break;
        }
        missed.push(...some);
        at = { epoch: at.epoch, offset: some.at(-1)?.offset ?? at.offset };
      }
      if (!stream.members.has(socket)) return { position: null, recovered: undefined };
      const { position } = stream;
      stream.members.set(socket, stream.members.get(socket) ?? events.turn());
      enter(at === undefined ? [] : missed, position);
      return { position, recovered: from === undefined ? undefined : !isWanted || at !== undefined };
    },
    leave(room, socket) {
      const stream = streams.get(room);
      if (stream === undefined) return;
      stream.members.delete(socket);
      release(stream);
    },
    has: (room) => streams.has(room),
    receive(room, epoch, message) {
      streams.get(room)?.receive(epoch, message);
    },
    heardOf: (room, position) => streams.get(room)?.heardOf(position),
    since(room, turn) {
      const members = streams.get(room)?.members ?? [];
      return [...members].flatMap(([member, entered]) => (entered !== undefined && entered >= turn ? [member] : []));
    },
    turnOf: (room, socket) => streams.get(room)?.members.get(socket),
    undecodable: events.undecodable,
    position: (room) => streams.get(room)?.position ?? null,
    catchUp(doubt) {
      for (const stream of streams.values()) stream.doubt(doubt);
      void fillAll();
    },
    close() {
      for (const stream of streams.values()) stream.close();
      streams.clear();
    },
  };
}

/** The start of a room's history; `undefined` where nothing was ever said. */
function startOf({ position }: RoomStream): Position | undefined {
  return position === null ? undefined : { epoch: position.epoch, offset: 0 };
}
