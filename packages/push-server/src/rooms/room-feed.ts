import type { Position } from '@gopush/contract';
import type { HistoryPage, HistoryStore, KeptMessage as Logged } from '@gopush/store';

/** Gives messages of a room to the clients of this node. */
export interface FeedEvents {
  /** To all members of the room, in order. */
  deliver(room: string, message: Logged, position: Position): void;
  /** Members miss what came before this position, for good. */
  gap(room: string, position: Position): void;
  /** The log could not be read; it is tried again. */
  failed(room: string, error: unknown): void;
}

/** How many messages are read from the log at a time. */
const pageSize = 200;

/** How long after a failed read it is tried again, in milliseconds. */
const retryMs = 500;

/**
 * What this node's members of one room have got of its log. Messages come live, from any node, and may come late, twice or not at all; the
 * log says what there is. So a message that is next goes out at once, one that was seen before is dropped, and one that comes too early
 * has what is missing read from the log first: members get each message once and in order, or are told of a gap.
 */
export class RoomFeed {
  readonly room: string;
  /** Sockets of this node in the room. */
  readonly members = new Set<string>();
  #epoch: string | undefined;
  #offset = 0;
  /** Newest offset that is known to exist. */
  #wanted = 0;
  #busy: Promise<void> | undefined;
  #closed = false;
  /** Whether it is known where the log stood when the first member came; `failed`: it could not be read. */
  #opened: 'not yet' | 'yes' | 'failed' = 'not yet';
  readonly #history: HistoryStore;
  readonly #events: FeedEvents;

  constructor(room: string, history: HistoryStore, events: FeedEvents) {
    this.room = room;
    this.#history = history;
    this.#events = events;
  }

  /** Where members stand. */
  get position(): Position | null {
    return this.#epoch === undefined ? null : { epoch: this.#epoch, offset: this.#offset };
  }

  /** Finds out where the log stands now: members have nothing of what came before. */
  async open(): Promise<void> {
    try {
      const { epoch, last } = await this.#history.read(this.room, 0, 0);
      this.#epoch = epoch;
      this.#offset = last;
      this.#wanted = Math.max(this.#wanted, last);
      this.#opened = 'yes';
    } catch (error) {
      // The room works from now on, without what was before.
      this.#opened = 'failed';
      this.#events.failed(this.room, error);
    }
  }

  /** A message came live. */
  receive(epoch: string, message: Logged): void {
    const { offset } = message;
    if (this.#opened === 'not yet') return;
    if (this.#opened === 'failed') {
      this.#opened = 'yes';
      this.#epoch = epoch;
      this.#offset = offset - 1;
    }
    const isNew = this.#epoch !== epoch;
    if (this.#busy === undefined && (isNew ? offset === 1 : offset === this.#offset + 1)) {
      this.#epoch = epoch;
      this.#deliver(message);
      return;
    }
    if (!isNew && offset <= this.#offset) return;
    this.#wanted = isNew ? offset : Math.max(this.#wanted, offset);
    this.fill();
  }

  /** Reads what is missing from the log. */
  fill(): Promise<void> {
    this.#busy ??= this.#fill().finally(() => {
      this.#busy = undefined;
    });
    return this.#busy;
  }

  async #fill(): Promise<void> {
    while (!this.#closed) {
      const page = await this.#read();
      if (page?.epoch === undefined) return;
      const { first, messages, last } = page;
      if (page.epoch !== this.#epoch) {
        // Another log of the same name: of the old one nothing can be read any more.
        const isFresh = this.#epoch === undefined && this.#offset === 0;
        this.#epoch = page.epoch;
        this.#offset = 0;
        this.#wanted = last;
        if (!isFresh) continue;
      }
      if (first > this.#offset + 1) this.#skipTo(first - 1);
      for (const message of messages) if (message.offset === this.#offset + 1) this.#deliver(message);
      if (this.#offset >= Math.max(last, this.#wanted) || messages.length === 0) return;
    }
  }

  /** The next page. While the log cannot be read it is tried again, until nobody is here any more. */
  async #read(): Promise<HistoryPage | undefined> {
    for (;;) {
      try {
        return await this.#history.read(this.room, this.#offset, pageSize);
      } catch (error) {
        this.#events.failed(this.room, error);
        if (this.#closed) return undefined;
        await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
      }
    }
  }

  /** Everything after a position that members have got and this one has not; `undefined` where the log does not reach back. */
  async since(from: Position): Promise<readonly Logged[] | undefined> {
    if (this.#epoch === undefined) await this.fill();
    // Members may be behind whoever comes from another node; they have to catch up first.
    if (this.#epoch === from.epoch && from.offset > this.#offset) {
      this.#wanted = Math.max(this.#wanted, from.offset);
      await this.fill();
    }
    if (this.#epoch !== from.epoch || from.offset > this.#offset) return undefined;
    const missed: Logged[] = [];
    for (let at = from.offset; at < this.#offset; ) {
      const page = await this.#history.read(this.room, at, pageSize);
      if (page.epoch !== from.epoch || page.first > at + 1 || page.messages.length === 0) return undefined;
      for (const message of page.messages) {
        if (message.offset > this.#offset) break;
        missed.push(message);
        at = message.offset;
      }
    }
    return missed;
  }

  close(): void {
    this.#closed = true;
  }

  #skipTo(offset: number): void {
    this.#offset = offset;
    this.#events.gap(this.room, { epoch: this.#epoch ?? '', offset });
  }

  #deliver(message: Logged): void {
    this.#offset = message.offset;
    this.#events.deliver(this.room, message, { epoch: this.#epoch ?? '', offset: message.offset });
  }
}
