/** How many sessions are worked on at a time: at first, at least, and at most. The clients of the others notice nothing meanwhile. */
const sizes = { first: 16, least: 16, most: 256 } as const;

/** Other nodes that take a session within this time are given more of them at a time, in milliseconds. */
const swiftMs = 150;

/**
 * How many sessions are given at a time. The nodes that take them set the pace: one more with each that was taken swiftly, a third less where one was
 * not, once for all that were under way together (AIMD, like TCP: Chiu and Jain 1989). So clients wait for about `swiftMs`, however many there are,
 * and however fast the nodes are.
 */
export class GivePace {
  #size: number = sizes.first;
  /** Above this the size grows slowly. */
  #steady: number = sizes.most;
  #shrunkAt = Number.NEGATIVE_INFINITY;

  get size(): number {
    return Math.floor(this.#size);
  }

  /** Another node has taken a session. @param ms - how long that took, in milliseconds */
  took(ms: number, now = performance.now()): void {
    if (ms <= swiftMs) {
      this.#size = Math.min(sizes.most, this.#size + (this.#size < this.#steady ? 1 : 1 / this.#size));
      return;
    }
    if (now - this.#shrunkAt < ms) return;
    this.#shrunkAt = now;
    this.#size = Math.max(sizes.least, this.#size * (2 / 3));
    this.#steady = this.#size;
  }
}
