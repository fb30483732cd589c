/** How long an append is remembered, at least, in milliseconds: longer than a failover of Redis may take to be noticed. */
const rememberMs = 10_000;

/** Most rooms that are remembered in that time. */
const mostRooms = 50_000;

/** Where the newest message of a room is that this process has appended. */
export interface AppendedAt {
  readonly epoch: string;
  readonly offset: number;
  /** When, as the log has it. */
  readonly at: string;
}

/**
 * What this process has appended of late. A Redis that takes over from another one may lack the last writes of that, which were acknowledged;
 * their offsets must not be given again, or members who have had them would take the new messages for those.
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
    // Answers may overtake each other.
    if (before?.epoch !== epoch || before.offset < offset) this.#newer.set(room, { epoch, offset, at });
  }

  of(room: string): AppendedAt | undefined {
    return this.#newer.get(room) ?? this.#older.get(room);
  }

  /** All, as they are now. */
  all(): ReadonlyMap<string, AppendedAt> {
    return new Map([...this.#older, ...this.#newer]);
  }

  forget(room: string): void {
    this.#newer.delete(room);
    this.#older.delete(room);
  }
}
