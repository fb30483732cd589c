/** How long an append is remembered at least, in milliseconds: longer than it takes to notice a failover of Redis. */
const rememberMs = 10_000;

/** Most rooms that are remembered. */
const mostRooms = 50_000;

/** Position of the newest message that this process has appended to a room. */
export interface AppendedAt {
  readonly epoch: string;
  readonly offset: number;
  /** When it was appended, by the clock of the log. */
  readonly at: string;
}

/**
 * The messages that this process has appended lately. After a failover the new master may lack the last acknowledged writes. Their offsets must not
 * be assigned again, or clients that have received those messages would ignore the new ones.
 */
export class RecentAppends {
  #newer = new Map<string, AppendedAt>();
  #older = new Map<string, AppendedAt>();
  #since = performance.now();

  note(room: string, epoch: string, offset: number, at: string): void {
    const now = performance.now();
    if (now - this.#since > rememberMs || this.#newer.size >= mostRooms) {
      this.#older = this.#newer;
      this.#newer = new Map();
      this.#since = now;
    }
    const before = this.#newer.get(room);
    // Replies may arrive out of order.
    if (before?.epoch !== epoch || before.offset < offset) this.#newer.set(room, { epoch, offset, at });
  }

  of(room: string): AppendedAt | undefined {
    return this.#newer.get(room) ?? this.#older.get(room);
  }

  /** All of them. */
  all(): ReadonlyMap<string, AppendedAt> {
    return new Map([...this.#older, ...this.#newer]);
  }

  forget(room: string): void {
    this.#newer.delete(room);
    this.#older.delete(room);
  }
}
