/** Most sessions that are given at a time. */
const most = 256;

/**
 * How many are given at a time before any was taken: others may give to the same node as well, and its code may be new. Then its first ones take long,
 * and the clients of all that are under way wait for them.
 */
const first = 4;

/**
 * `least`: how many sessions are given at a time at least. `swiftMs`: other nodes that take a session within this time get more at a time, in
 * milliseconds. With few sessions, the wait of each client should be short. With many, the time until the last one has left matters: on a
 * machine with much other work a session takes long, however few are under way, because processes wait for the CPU. In between, both change with
 * the number of `sessions`. `takeMs`: how long a session is waited for while others are taken, in milliseconds. With few sessions the next one
 * need not wait longer: there cannot be too many under way.
 */
const few = { sessions: 200, least: 8, swiftMs: 30, takeMs: 300 } as const;
const many = { sessions: 800, least: 32, swiftMs: 150, takeMs: 1_000 } as const;

/**
 * How many sessions are given at a time. The nodes that take them set the pace. If it was used up, the number grows by one with each session that was
 * taken swiftly, and up to the least number with each. If one was not, it shrinks by a third, once for all that were under way together (AIMD, like
 * TCP: Chiu and Jain 1989). The clients of the others notice nothing meanwhile.
 */
export class GivePace {
  readonly #sessions: () => number;
  #size: number = first;
  /** Above this the size grows slowly. */
  #steady: number = most;
  #shrunkAt = Number.NEGATIVE_INFINITY;

  /** @param sessions - how many there are that have not been given */
  constructor(sessions: () => number) {
    this.#sessions = sessions;
  }

  get size(): number {
    return Math.floor(this.#size);
  }

  /** How long a session is waited for while others are taken, in milliseconds. */
  get takeMs(): number {
    return (this.#sessions() > few.sessions ? many : few).takeMs;
  }

  /**
   * Another node has taken a session.
   *
   * @param ms - how long that took, in milliseconds
   * @param isFull - whether as many were under way as may be: that fewer are taken swiftly does not show that more would be (RFC 7661)
   */
  took(ms: number, isFull: boolean, now = performance.now()): void {
    const share = (this.#sessions() - few.sessions) / (many.sessions - few.sessions);
    const least = Math.floor(between(few.least, many.least, share));
    const swiftMs = between(few.swiftMs, many.swiftMs, share);
    if (this.#size < least) {
      if (isFull) this.#size = Math.min(least, this.#size + 1);
      return;
    }
    if (ms <= swiftMs) {
      if (!isFull) return;
      // How long sessions take now shows only when they are taken: the size has doubled by then if it grows fast.
      const growsFast = this.#size < this.#steady && ms <= (swiftMs * 2) / 3;
      this.#size = Math.min(most, this.#size + (growsFast ? 1 : 1 / this.#size));
      return;
    }
    if (now - this.#shrunkAt < ms) return;
    this.#shrunkAt = now;
    this.#size = Math.max(least, this.#size * (2 / 3));
    this.#steady = this.#size;
  }
}

/** @param share - of the way from one to the other; less than 0 and more than 1 mean these */
function between(from: number, to: number, share: number): number {
  return from + (to - from) * Math.min(1, Math.max(0, share));
}
