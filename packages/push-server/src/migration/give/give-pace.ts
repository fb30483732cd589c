/** Most sessions that are given at a time. */
const most = 256;

/**
 * `least`: how many sessions are given at a time at least. `swiftMs`: other nodes that take a session within this time get more at a time, in
 * milliseconds. With few sessions, the wait of each client should be short. With many, the time until the last one has left matters: on a
 * machine with much other work a session takes long, however few are under way, because processes wait for the CPU. `takeMs`: how long a session
 * is waited for while others are taken, in milliseconds. With few sessions the next one need not wait longer: there cannot be too many under way.
 */
const few = { least: 8, swiftMs: 50, takeMs: 300 } as const;
const many = { least: 32, swiftMs: 150, takeMs: 1_000 } as const;

/** With more sessions than this there are many. */
const mostFew = 200;

/**
 * How many sessions are given at a time. The nodes that take them set the pace. If it was used up, the number grows by one with each session that was
 * taken swiftly.
 * If one was not, it shrinks by a third, once for all that were under way together (AIMD, like TCP: Chiu and Jain 1989). The clients of the others
 * notice nothing meanwhile.
 */
export class GivePace {
  readonly #sessions: () => number;
  #size: number = few.least;
  /** Above this the size grows slowly. */
  #steady: number = most;
  #shrunkAt = Number.NEGATIVE_INFINITY;

  /** @param sessions - how many there are that have not been given */
  constructor(sessions: () => number) {
    this.#sessions = sessions;
  }

  get size(): number {
    return Math.floor(Math.max(this.#size, this.#way.least));
  }

  /** How long a session is waited for while others are taken, in milliseconds. */
  get takeMs(): number {
    return this.#way.takeMs;
  }

  /**
   * Another node has taken a session.
   *
   * @param ms - how long that took, in milliseconds
   * @param isFull - whether as many were under way as may be: that fewer are taken swiftly does not show that more would be (RFC 7661)
   */
  took(ms: number, isFull: boolean, now = performance.now()): void {
    const { least, swiftMs } = this.#way;
    this.#size = Math.max(this.#size, least);
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

  get #way(): typeof few | typeof many {
    return this.#sessions() > mostFew ? many : few;
  }
}
