/**
 * The time at the end of a drain in which sessions are given although their clients have not stopped, or handlers still
 * owe acks, in milliseconds; a quarter of a drain that is short.
 */
const mostSpareMs = 500;

/** Until when all sessions are to have left. Several drains at once have the time of the longest. */
export class DrainDeadline {
  /** In milliseconds since 1970. */
  by = 0;
  spareMs = mostSpareMs;

  /** A drain begins, and has so many milliseconds. */
  extend(ms: number, now = Date.now()): void {
    this.by = Math.max(this.by, now + ms);
    this.spareMs = Math.min(mostSpareMs, (this.by - now) / 4);
  }

  /** Until when clients may take to stop. */
  get stopBy(): number {
    return this.by - this.spareMs;
  }

  get isOver(): boolean {
    return Date.now() >= this.by;
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
