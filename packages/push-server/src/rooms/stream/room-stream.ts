import type { Position } from '@gopush/contract';
import { SmallMap } from '@gopush/slim-socket-io';
import type { HistoryPage, HistoryStore, KeptMessage } from '@gopush/store';
import { EarlyMessages } from './early-messages.ts';
import { pageSize, readMissed } from './read-missed.ts';
import type { RoomMembers, RoomStreamEvents } from './room-stream-events.ts';

/** Why members may miss something: live messages were lost, or the store was down and may have forgotten. */
export type Doubt = 'bus' | 'store';

/** The wait after a failed read, in milliseconds. It doubles from the first to the second, and ends early when the store is back. */
const retryMs = [500, 8_000] as const;

/** How long messages that the history has dropped already may still be on their way here, in milliseconds. */
const lateMs = 100;

/**
 * The stream of a room, as far as this node's members have received it. Messages come live, from any node, and may come late, twice or not
 * at all; the room's history is the truth. A message that is next goes out at once. One that was seen before is dropped. One that comes too
 * early waits until the missing ones have been read from the history. So members get each message once and in order, or are notified of a gap.
 */
export class RoomStream implements RoomMembers {
  readonly room: string;
  #opened: Promise<void>;
  /** Members on this node, with the turn in which each entered; `undefined`: it is entering. */
  readonly #members = new SmallMap<string, number | undefined>();
  #epoch: string | undefined;
  #offset = 0;
  /** The newest offset that is known to exist. */
  #wanted = 0;
  /** How often a read of the history was asked for. */
  #asked = 0;
  /** Whether the history is to be read even if all known offsets have come. */
  #again = false;
  #doubt: Doubt | undefined;
  /** Live messages of this epoch that came before earlier ones. */
  #early = noneEarly;
  /** The read that is running. */
  #busy: Promise<void> | undefined;
  #closed = false;
  /** Ends the wait for the next attempt to read. */
  #retry: (() => void) | undefined;
  /** `blind`: the history could not be read, so the position is not known. */
  #state: 'opening' | 'open' | 'blind' = 'opening';
  readonly #history: HistoryStore;
  readonly #events: RoomStreamEvents;

  constructor(room: string, history: HistoryStore, events: RoomStreamEvents) {
    this.room = room;
    this.#history = history;
    this.#events = events;
    this.#opened = this.#open();
  }

  /** Resolves when the end of the history is known as it was when the first member came, or it cannot be read now. */
  get opened(): Promise<void> {
    return this.#opened;
  }

  /** Adds a member that is entering; one that has entered stays so. */
  add(id: string): void {
    if (!this.#members.has(id)) this.#members.set(id, undefined);
  }

  /** A member receives everything from now on. */
  enter(id: string): void {
    this.#members.set(id, this.#members.get(id) ?? this.#events.turn());
  }

  remove(id: string): void {
    this.#members.delete(id);
  }

  has(id: string): boolean {
    return this.#members.has(id);
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  turnOf(id: string): number | undefined {
    return this.#members.get(id);
  }

  enteredSince(turn: number): readonly string[] {
    return [...this.#members].flatMap(([id, entered]) => (entered !== undefined && entered >= turn ? [id] : []));
  }

  /** The position of members. */
  get position(): Position | null {
    return this.#epoch === undefined ? null : { epoch: this.#epoch, offset: this.#offset };
  }

  isAt({ epoch, offset }: Position): boolean {
    return this.#epoch === epoch && this.#offset === offset;
  }

  /** Finds the end of the history: members get nothing of what came before. */
  async #open(): Promise<void> {
    try {
      // Before the history is read: later messages come here.
      await this.#events.follow(this.room, () => {
        this.doubt('bus');
        void this.fill();
      });
      const { epoch, last } = await this.#history.read(this.room, 0, 0);
      this.#epoch = epoch;
      this.#offset = last;
      this.#state = 'open';
      // It came live while the history was read.
      if (this.#wanted > last) void this.fill();
    } catch (error) {
      // The room works from now on, without its earlier messages.
      this.#state = 'blind';
      this.#events.failed(this.room, error);
    }
    // One for all rooms.
    this.#opened = done;
  }

  /** Takes a message that came live. */
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
    // Without an epoch so far, this is the first. Another epoch is not trusted: it may belong to a late message of an older one.
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
      if (this.#early === noneEarly) this.#early = new EarlyMessages();
      this.#early.add(message);
    } else this.#again = true;
    void this.#fillOnce();
  }

  /** The history has a message at this position: somebody tried to store it twice. */
  heardOf({ epoch, offset }: Position): void {
    const isThere = this.#epoch === epoch && offset <= this.#offset;
    if (this.#state === 'opening') this.#wanted = Math.max(this.#wanted, offset);
    else if (!isThere) void this.fill();
  }

  /** Messages may have been lost on their way here: the history has to be read. */
  doubt(doubt: Doubt): void {
    if (this.#doubt !== 'store') this.#doubt = doubt;
    this.#retry?.();
  }

  /** As {@link fill}, but waits no longer than this, in milliseconds. */
  async fillWithin(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
      timer.unref();
    });
    await Promise.race([this.fill(), late]);
    clearTimeout(timer);
  }

  /** Reads the missing messages from the history. */
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
      await this.#fillFromHistory();
    } catch (error) {
      this.#busy = undefined;
      this.#events.failed(this.room, error);
    }
  }

  async #fillFromHistory(): Promise<void> {
    // Ensures that `#busy` is assigned before it is cleared below.
    await this.opened;
    for (;;) {
      const asked = this.#asked;
      this.#again = false;
      const page = await this.#read();
      if (page === undefined) break;
      // In a burst, the history may have dropped messages of a moment ago.
      const isWhole = this.#early.hasAll(this.#offset + 1, page.first);
      if (page.epoch === this.#epoch && !isWhole) await wait(lateMs);
      const complete = this.#take(page);
      // A message that came meanwhile may have been stored after the read.
      const isNewer = asked !== this.#asked && (this.#again || this.#offset < this.#wanted);
      if (complete && !isNewer) break;
    }
    this.#early.dropUpTo(this.#offset);
    // No await between the last check and this: a message in between would be taken for one of this run, and be lost.
    this.#busy = undefined;
  }

  /** @returns whether members have all that was in the history when it was read */
  #take({ epoch, first, last, messages }: HistoryPage): boolean {
    if (epoch === undefined) {
      // Nothing was missed of a history that has never been, or that a store which loses nothing has forgotten.
      if (this.#epoch === undefined && this.#doubt === 'bus') this.#doubt = undefined;
      if (this.#state === 'blind') this.#state = 'open';
      return true;
    }
    if (epoch !== this.#epoch) {
      this.#changeEpoch(epoch, first, last);
      return this.#offset === last;
    }
    this.#deliverPage(first, messages);
    if (this.#offset < last && messages.length > 0) return false;
    if (this.#offset < last) this.#skipTo(last);
    this.#doubt = undefined;
    return true;
  }

  #changeEpoch(epoch: string, first: number, last: number): void {
    const isBlind = this.#state === 'blind';
    const isSure = this.#doubt === undefined && !isBlind && first === 1;
    this.#state = 'open';
    this.#doubt = undefined;
    this.#wanted = 0;
    this.#early.clear();
    if (this.#epoch !== undefined) this.#events.ended(this.room, this.#epoch);
    this.#epoch = epoch;
    if (isSure) this.#begin(epoch);
    // Members that came while the store was down have nothing of what came before them.
    else this.#skipTo(isBlind ? last : first - 1);
  }

  #deliverPage(first: number, messages: readonly KeptMessage[]): void {
    this.#deliverEarly();
    if (first > this.#offset + 1) this.#skipTo(first - 1);
    for (const message of messages) {
      // A hole: Redis lost messages when it failed over.
      if (message.offset > this.#offset + 1) this.#skipTo(message.offset - 1);
      if (message.offset === this.#offset + 1) this.#deliver(message);
    }
    this.#deliverEarly();
  }

  /** Reads the next page. Retries while the history cannot be read, until no member is left. */
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
   * Everything after a position that members have received; `undefined` if the history does not reach back.
   *
   * @throws StoreError while the history cannot be read
   */
  async since(from: Position): Promise<readonly KeptMessage[] | undefined> {
    if (this.#isBehind(from)) {
      // Fails at once if the store is down.
      await this.#history.read(this.room, 0, 0);
      // Members may be behind a client that comes from another node; they have to catch up first.
      await this.fill();
    }
    if (this.#isBehind(from)) return undefined;
    return readMissed(this.#history, this.room, from, () => this.#offset);
  }

  #isBehind({ epoch, offset }: Position): boolean {
    return this.#epoch !== epoch || offset > this.#offset;
  }

  close(): void {
    if (!this.#closed) this.#events.unfollow(this.room);
    this.#closed = true;
    this.#retry?.();
  }

  #deliverEarly(): void {
    for (;;) {
      const next = this.#early.take(this.#offset + 1);
      if (next === undefined) return;
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
      this.#events.deliver(this, message, position);
    } catch (error) {
      this.#events.undeliverable(this.room, position, error);
    }
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

const done = Promise.resolve();

/** Of all rooms in which none has come too early: nothing is added to it. */
const noneEarly = new EarlyMessages();
