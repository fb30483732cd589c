/** Fewest handshakes that a target with too much to do is asked at a time. */
const least = 4;

/** From how many on a window is no bound any more. */
const most = 256;

/** Handshakes that are older do not count: they wait for something else than their turn; milliseconds. */
const staleMs = 1_000;

/** How often a window is made smaller at most, in milliseconds: all answers that were on their way say the same. */
const shrinkMs = 100;

/**
 * How many handshakes a target is asked at a time, since what it cannot answer soon only waits there, and its clients give up. Without a bound
 * until the target says that it has too much to do; then fewer, and with each that succeeds a little more, as TCP does (RFC 5681). A client that
 * has its handshakes wait can so take a place only at a target that is overloaded, and not for long.
 *
 * Times are in milliseconds.
 */
export class HandshakeWindow {
  #limit = Number.POSITIVE_INFINITY;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  /** When those began that have no answer, the oldest first. */
  readonly #asked = new Set<{ readonly at: number }>();

  /** Whether there is no room for one more. */
  isFull(now: number): boolean {
    if (this.#asked.size < this.#limit) return false;
    let stale = 0;
    for (const { at } of this.#asked) {
      if (now - at < staleMs) break;
      stale++;
    }
    return this.#asked.size - stale >= this.#limit;
  }

  /** A handshake begins. */
  enter(now: number): { readonly at: number } {
    const entry = { at: now };
    this.#asked.add(entry);
    return entry;
  }

  /** It has ended: with a tunnel, since the target has too much to do, or otherwise. */
  leave(entry: { readonly at: number }, how: 'tunnel' | 'overloaded' | 'other', now: number): void {
    const before = this.#asked.size;
    this.#asked.delete(entry);
    if (how === 'tunnel') {
      this.#limit += 1 / this.#limit;
      if (this.#limit > most) this.#limit = Number.POSITIVE_INFINITY;
    } else if (how === 'overloaded' && now - this.#shrunkAt >= shrinkMs) {
      this.#shrunkAt = now;
      this.#limit = Math.max(least, Math.min(this.#limit, before) / 2);
    }
  }
}
