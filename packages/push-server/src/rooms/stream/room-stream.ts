import type { Position } from '@gopush/contract';
import { SmallMap } from '@gopush/slim-socket-io';
import type { HistoryPage, HistoryStore, KeptMessage } from '@gopush/store';

/** Gives messages of a room to the clients of this node. */
export interface RoomStreamEvents {
  /**
   * Has the messages of a room sent to this node: resolves when they are, or that can be waited for no longer.
   *
   * @param onLate - called where some may have been sent before they came here
   */
  follow(room: string, onLate: () => void): Promise<void>;
  /** The opposite: nobody here is in the room any more. */
  unfollow(room: string): void;
  /** See {@link DeliveredKeys.turn}. */
  turn(): number;
  /** To all members of the room, in order. */
  deliver(room: string, message: KeptMessage, position: Position): void;
  /** A message could not be delivered, as it cannot be decoded: members miss what came before this position. */
  undeliverable(room: string, position: Position, error: unknown): void;
  /** A stored message of a room cannot be decoded. */
  undecodable(room: string, error: unknown): void;
  /** Members may miss what came before this position, for good. */
  gap(room: string, position: Position): void;
  /** The room's history begins, or begins anew, and members miss nothing. */
  began(room: string, position: Position): void;
  /** The log could not be read; it is tried again. */
  failed(room: string, error: unknown): void;
}

/** Why members may miss something: live messages were lost, or the store was away and may have forgotten. */
export type Doubt = 'bus' | 'store';

/** How many messages are read from the log at a time. */
const pageSize = 200;

/** How long after a failed read it is tried again, in milliseconds: it doubles up to the second, and ends where the store is said to be back. */
const retryMs = [500, 8_000] as const;

/** How many live messages that came too early are held. */
const maxEarly = 1_000;

/** How long messages that the log has dropped already may still be on their way here, in milliseconds. */
const lateMs = 100;

/**
 * What this node's members of one room have got of its log. Messages come live, from any node, and may come late, twice or not at all; the
 * log says what there is. So a message that is next goes out at once, one that was seen before is dropped, and one that comes too early
 * has what is missing read from the log first: members get each message once and in order, or are told of a gap.
 */
export class RoomStream {
  readonly room: string;
  /** Those of this node in the room, with the turn in which they entered it; `undefined`: they are about to. */
  readonly members = new SmallMap<string, number | undefined>();
  /** Resolves when it is known where the log stood when the first member came, or that it cannot be read now. */
  readonly opened: Promise<void>;
  #epoch: string | undefined;
  #offset = 0;
  /** Newest offset that was heard of. */
  #wanted = 0;
  /** How often something was heard of that the log has to be asked for. */
  #asked = 0;
  /** Whether the log is to be read even where all offsets that were heard of are there. */
  #again = false;
  #doubt: Doubt | undefined;
  /** Live messages of this epoch that came before the ones between, by their offsets. */
  readonly #early = new SmallMap<number, KeptMessage>();
  #busy: Promise<void> | undefined;
  #closed = false;
  /** Ends the wait for the next attempt to read. */
  #retry: (() => void) | undefined;
  #state: 'opening' | 'open' | 'blind' = 'opening';
  readonly #history: HistoryStore;
  readonly #events: RoomStreamEvents;

  constructor(room: string, history: HistoryStore, events: RoomStreamEvents) {
    this.room = room;
    this.#history = history;
    this.#events = events;
    this.opened = this.#open();
  }

  /** Where members stand. */
  get position(): Position | null {
    return this.#epoch === undefined ? null : { epoch: this.#epoch, offset: this.#offset };
  }

  isAt({ epoch, offset }: Position): boolean {
    return this.#epoch === epoch && this.#offset === offset;
  }

  /** Finds out where the log stands now: members have nothing of what came before. */
  async #open(): Promise<void> {
    try {
      // Before the log is read: what is said after that comes here.
      await this.#events.follow(this.room, () => {
        this.doubt('bus');
        void this.fill();
      });
      const { epoch, last } = await this.#history.read(this.room, 0, 0);
      this.#epoch = epoch;
      this.#offset = last;
      this.#state = 'open';
      // It came live while the log was on its way here.
      if (this.#wanted > last) void this.fill();
    } catch (error) {
      // The room works from now on, without what was before.
      this.#state = 'blind';
      this.#events.failed(this.room, error);
    }
  }

  /** A message came live. */
  receive(epoch: string, message: KeptMessage): void {
    const { offset } = message;
    if (this.#state === 'opening') {
      this.#wanted = Math.max(this.#wanted, offset);
      return;
    }
    if (this.#state === 'blind') {
      this.#state = 'open';
      this.#epoch = epoch;
      this.#skipTo(offset - 1);
    }
    // Where there was none this is the first. Another one is not believed: it may be a late message of an older one.
    if (this.#epoch === undefined && this.#doubt === undefined) this.#begin(epoch);
    const isOurs = this.#epoch === epoch;
    if (isOurs && offset <= this.#offset) return;
    if (this.#busy === undefined && isOurs && offset === this.#offset + 1) {
      this.#deliver(message);
      this.#deliverEarly();
      return;
    }
    this.#asked++;
    if (isOurs) {
      this.#wanted = Math.max(this.#wanted, offset);
      if (this.#early.size < maxEarly) this.#early.set(offset, message);
    } else this.#again = true;
    void this.#fillOnce();
  }

  /** The log has a message at this place, says whoever tried to keep it twice. */
  heardOf({ epoch, offset }: Position): void {
    const isThere = this.#epoch === epoch && offset <= this.#offset;
    if (this.#state === 'opening') this.#wanted = Math.max(this.#wanted, offset);
    else if (!isThere) void this.fill();
  }

  /** Messages may have been lost on their way here: the log is to be read. */
  doubt(doubt: Doubt): void {
    if (this.#doubt !== 'store') this.#doubt = doubt;
    this.#retry?.();
  }

  /** Reads what is missing from the log, and waits for that no longer than so long. */
  async fillWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
      timer.unref();
    });
    await Promise.race([this.fill(), late]);
    clearTimeout(timer);
  }

  /** Reads what is missing from the log. */
  fill(): Promise<void> {
    this.#asked++;
    this.#again = true;
    return this.#fillOnce();
  }

  #fillOnce(): Promise<void> {
    this.#busy ??= this.#fill();
    return this.#busy;
  }

  async #fill(): Promise<void> {
    try {
      await this.#fillFromLog();
    } catch (error) {
      this.#busy = undefined;
      this.#events.failed(this.room, error);
    }
  }

  async #fillFromLog(): Promise<void> {
    // Not before the assignment of the promise, which must be taken back at the end.
    await this.opened;
    for (;;) {
      const asked = this.#asked;
      this.#again = false;
      const page = await this.#read();
      if (page === undefined) break;
      // In a burst the log may have dropped what was said a moment ago.
      if (page.epoch === this.#epoch && !this.#reaches(page.first)) await wait(lateMs);
      const complete = this.#take(page);
      // What was heard of meanwhile may have come into the log after it was read.
      const isNewer = asked !== this.#asked && (this.#again || this.#offset < this.#wanted);
      if (complete && !isNewer) break;
    }
    for (const offset of this.#early.keys()) if (offset <= this.#offset) this.#early.delete(offset);
    // Without an await after the last look: a message that came in between would be taken for one of this run, and be lost.
    this.#busy = undefined;
  }

  /** @returns whether members have all that was in the log when it was read */
  #take({ epoch, first, last, messages }: HistoryPage): boolean {
    if (epoch === undefined) {
      // What has never been, or was forgotten by a store that does not lose anything, was not missed.
      if (this.#epoch === undefined && this.#doubt === 'bus') this.#doubt = undefined;
      if (this.#state === 'blind') this.#state = 'open';
      return true;
    }
    if (epoch !== this.#epoch) {
      const isBlind = this.#state === 'blind';
      const isSure = this.#doubt === undefined && !isBlind && first === 1;
      this.#state = 'open';
      this.#doubt = undefined;
      this.#wanted = 0;
      this.#early.clear();
      this.#epoch = epoch;
      if (isSure) this.#begin(epoch);
      // Those who came while the store was away have nothing of what was before they came.
      else this.#skipTo(isBlind ? last : first - 1);
      return this.#offset === last;
    }
    this.#deliverPage(first, messages);
    if (this.#offset < last && messages.length > 0) return false;
    if (this.#offset < last) this.#skipTo(last);
    this.#doubt = undefined;
    return true;
  }

  #deliverPage(first: number, messages: readonly KeptMessage[]): void {
    this.#deliverEarly();
    if (first > this.#offset + 1) this.#skipTo(first - 1);
    for (const message of messages) {
      // A hole: Redis has lost what was there, as it failed over.
      if (message.offset > this.#offset + 1) this.#skipTo(message.offset - 1);
      if (message.offset === this.#offset + 1) this.#deliver(message);
    }
    this.#deliverEarly();
  }

  /** The next page. While the log cannot be read it is tried again, until nobody is here any more. */
  async #read(): Promise<HistoryPage | undefined> {
    for (let ms: number = retryMs[0]; !this.#closed; ms = Math.min(2 * ms, retryMs[1])) {
      try {
        return await this.#history.read(this.room, this.#offset, pageSize);
      } catch (error) {
        if (this.#closed) break;
        this.#events.failed(this.room, error);
        await new Promise<void>((resolve) => {
          this.#retry = resolve;
          setTimeout(resolve, ms).unref();
        });
      }
    }
    return undefined;
  }

  /**
   * Everything after a position that members have got; `undefined` where the log does not reach back.
   *
   * @throws StoreError while the log cannot be read
   */
  async since(from: Position): Promise<readonly KeptMessage[] | undefined> {
    if (this.#epoch !== from.epoch || from.offset > this.#offset) {
      // Nobody waits for a store that is away.
      await this.#history.read(this.room, 0, 0);
      // Members may be behind whoever comes from another node; they have to catch up first.
      await this.fill();
    }
    if (this.#epoch !== from.epoch || from.offset > this.#offset) return undefined;
    const missed: KeptMessage[] = [];
    for (let at = from.offset; at < this.#offset; ) {
      const page = await this.#history.read(this.room, at, pageSize);
      if (page.epoch !== from.epoch || page.first > at + 1 || page.messages.length === 0) return undefined;
      for (const message of page.messages) {
        if (message.offset > this.#offset) break;
        if (message.offset > at + 1) return undefined;
        missed.push(message);
        at = message.offset;
      }
    }
    return missed;
  }

  close(): void {
    if (!this.#closed) this.#events.unfollow(this.room);
    this.#closed = true;
    this.#retry?.();
  }

  /** Whether nothing is missing before an offset. */
  #reaches(first: number): boolean {
    for (let at = this.#offset + 1; at < first; at++) if (!this.#early.has(at)) return false;
    return true;
  }

  #deliverEarly(): void {
    for (;;) {
      const next = this.#early.get(this.#offset + 1);
      if (next === undefined) return;
      this.#early.delete(next.offset);
      this.#deliver(next);
    }
  }

  #begin(epoch: string): void {
    this.#epoch = epoch;
    this.#offset = 0;
    this.#events.began(this.room, { epoch, offset: 0 });
  }

  #skipTo(offset: number): void {
    this.#offset = offset;
    this.#events.gap(this.room, { epoch: this.#epoch ?? '', offset });
  }

  #deliver(message: KeptMessage): void {
    this.#offset = message.offset;
    const position = { epoch: this.#epoch ?? '', offset: message.offset };
    try {
      this.#events.deliver(this.room, message, position);
    } catch (error) {
      this.#events.undeliverable(this.room, position, error);
    }
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
