import type { Position } from '@gopush/contract';
import type { HistoryStore, KeptMessage } from '@gopush/store';
import { forEachLimited } from '../../tasks/for-each-limited.ts';
import { joinRuns } from '../../tasks/join-runs.ts';
import { type Doubt, RoomStream } from './room-stream.ts';
import type { RoomStreamEvents } from './room-stream-events.ts';

/** How long the history of one room is waited for while all rooms catch up, in milliseconds: an unreadable one must not hold up others. */
const fillMs = 2_000;

/** The outcome of joining a room. */
export interface JoinedStream {
  /** Its position; `null` if the room keeps nothing, or the member left meanwhile. */
  readonly position: Position | null;
  /** Whether it was given everything after the position it came with; `undefined`: it came with none, or left meanwhile. */
  readonly recovered: boolean | undefined;
}

/** The streams of the rooms in which this node has members. Members are named by the id of their socket or listener. */
export class RoomStreams {
  readonly #history: HistoryStore;
  readonly #events: RoomStreamEvents;
  readonly #streams = new Map<string, RoomStream>();
  readonly #fillAll = joinRuns(() => forEachLimited(this.#streams.values(), (stream) => stream.fillWithin(fillMs)));

  constructor(history: HistoryStore, events: RoomStreamEvents) {
    this.#history = history;
    this.#events = events;
  }

  /** How many rooms have members here. */
  get size(): number {
    return this.#streams.size;
  }

  /** Opens the stream of a room for a member that is about to enter. */
  async open(room: string, id: string): Promise<void> {
    await this.#add(room, id).opened;
  }

  /**
   * Makes a subscriber a member: from a position on, from the start of the history, or from now on.
   *
   * @param enter - called in the tick in which its missed messages are complete; the member enters the room there
   */
  async join(
    room: string,
    id: string,
    from: Position | 'start' | undefined,
    enter: (missed: readonly KeptMessage[], position: Position | null) => void,
  ): Promise<JoinedStream> {
    const stream = this.#add(room, id);
    await stream.opened;
    const missed: KeptMessage[] = [];
    let at = from === 'start' ? startOf(stream) : from;
    let recovered = true;
    // No await between the last check and entering: a message could go out in between.
    while (at !== undefined && !stream.isAt(at) && stream.has(id)) {
      const some = await stream.since(at).catch(() => undefined);
      recovered = some !== undefined;
      at = some && { epoch: at.epoch, offset: some.at(-1)?.offset ?? at.offset };
      missed.push(...(some ?? nothing));
    }
    if (!stream.has(id)) return { position: null, recovered: undefined };
    const { position } = stream;
    stream.enter(id);
    enter(recovered ? missed : nothing, position);
    if (from === undefined) return { position, recovered: undefined };
    this.#events.cameBack(recovered);
    return { position, recovered };
  }

  leave(room: string, id: string): void {
    const stream = this.#streams.get(room);
    if (stream === undefined) return;
    stream.remove(id);
    if (!stream.isEmpty) return;
    stream.close();
    this.#streams.delete(room);
  }

  /** Whether a room has members here. */
  has(room: string): boolean {
    return this.#streams.has(room);
  }

  /** Takes a message that came live, from this node or another. */
  receive(room: string, epoch: string, message: KeptMessage): void {
    this.#streams.get(room)?.receive(epoch, message);
  }

  /** The history of a room has a message at this position. */
  heardOf(room: string, position: Position): void {
    this.#streams.get(room)?.heardOf(position);
  }

  /** In which turn a member entered a room; `undefined`: it has not. */
  turnOf(room: string, id: string): number | undefined {
    return this.#streams.get(room)?.turnOf(id);
  }

  /** The position of the members of a room; `null` if it keeps nothing or has none here. */
  position(room: string): Position | null {
    return this.#streams.get(room)?.position ?? null;
  }

  /** Messages may have been lost on their way here: all rooms read their histories. */
  catchUp(doubt: Doubt): void {
    for (const stream of this.#streams.values()) stream.doubt(doubt);
    void this.#fillAll();
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  #add(room: string, id: string): RoomStream {
    let stream = this.#streams.get(room);
    if (stream === undefined) {
      stream = new RoomStream(room, this.#history, this.#events);
      this.#streams.set(room, stream);
    }
    stream.add(id);
    return stream;
  }
}

/** The start of a room's history; `undefined` if nothing was ever published. */
function startOf({ position }: RoomStream): Position | undefined {
  return position === null ? undefined : { epoch: position.epoch, offset: 0 };
}

const nothing: readonly KeptMessage[] = [];
