/**
 * The time at the end of a drain in which sessions are given although their clients have not stopped, or handlers still
 * owe acks, in milliseconds; a quarter of a drain that is short.
 */
const mostSpareMs = 500;

/**
 * Until when all sessions are to have left. It is put off while sessions leave, up to a limit. Several drains at once have the time of the longest.
 */
export class DrainDeadline {
  readonly #mostMs: number;
  /** In time of `performance.now()`. */
  by = 0;
  spareMs = mostSpareMs;
  /** How long it is put off when a session leaves, in milliseconds. */
  #ms = 0;
  /** Until when it can be put off, in time of `performance.now()`. */
  #limit = 0;

  /** @param mostMs - how long a drain may last in all, in milliseconds; one that has more time to begin with has that */
  constructor(mostMs: number) {
    this.#mostMs = mostMs;
  }

  /** A drain begins, and has `ms` milliseconds; and as many again after each session that leaves. */
  extend(ms: number, now = performance.now()): void {
    // An earlier one is over.
    if (this.by <= now) this.#ms = 0;
    this.#ms = Math.max(this.#ms, ms);
    this.#limit = Math.max(this.#limit, now + this.#mostMs, now + ms);
    this.by = Math.max(this.by, now + ms);
    this.spareMs = Math.min(mostSpareMs, this.#ms / 4);
  }

  /** A session has left, so the others do as well if they have the time. */
  left(now = performance.now()): void {
    if (this.by > now) this.by = Math.max(this.by, Math.min(now + this.#ms, this.#limit));
  }

  /** How long one client may take to stop, in milliseconds. */
  get stopMs(): number {
    return this.#ms - this.spareMs;
  }

  /** Until when clients may take to stop. */
  get stopBy(): number {
    return this.by - this.spareMs;
  }

  /** The latest time until which it can be put off, in time of `performance.now()`. */
  get limit(): number {
    return this.#limit;
  }

  get isOver(): boolean {
    return performance.now() >= this.by;
  }
}

/**
 * How long one of many sessions may occupy a slot, in milliseconds, if all are to have begun by half of the time that
 * is left.
 *
 * @param msLeft - until the end of the drain
 * @param sessions - how many there are
 * @param slots - how many are worked on at a time
 */
export function shareOf(msLeft: number, sessions: number, slots: number): number {
  return Math.max(0, (msLeft * slots) / Math.max(1, sessions) / 2);
}
