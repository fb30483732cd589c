/** How many clients may have stopped before their sessions are given: to begin with, and at least. */
const counts = { first: 8, least: 4 } as const;

/** If a session is ready and finds as many others that wait for their turns, clients stop too early. */
const mostWaiting = 2;

/** A client whose handlers take longer than this to ack no longer counts, in milliseconds: others need not wait for them. */
const mostMs = 250;

/**
 * Limits how many clients have stopped and wait until their sessions are given. A client that has stopped cannot send anything. But a session is given
 * only when handlers have acked what its client had sent, so some must stop ahead, or the node would have none to give. Their number follows from
 * that: it grows if a session is given at once, and shrinks if others wait before it.
 */
export class StoppedAhead<Session extends object> {
  readonly #line = new Map<Session, () => void>();
  /** Those whose clients may have stopped, each with the timer after which it does not count. */
  readonly #ahead = new Map<Session, NodeJS.Timeout | undefined>();
  readonly #shareMs: (most: number) => number;
  #most: number = counts.first;

  /** @param shareMs - for how long a client may count if as many may stop ahead, so that there is time for all, in milliseconds */
  constructor(shareMs: (most: number) => number) {
    this.#shareMs = shareMs;
  }

  /** Resolves when the client of a session may be stopped, or when the session {@link leave}s. */
  async enter(session: Session): Promise<void> {
    if (this.#ahead.size < this.#most) this.#add(session);
    else await new Promise<void>((resolve) => this.#line.set(session, resolve));
  }

  /**
   * Handlers have acked what the client of a session had sent: from now on it waits for its turn only.
   *
   * @param waiting - how many others wait for their turns; `undefined`: it has its turn at once
   */
  ready(session: Session, waiting: number | undefined): void {
    if (waiting === undefined && this.#line.size > 0) this.#most++;
    if (waiting !== undefined && waiting >= mostWaiting) this.#most = Math.max(counts.least, this.#most - 1);
    clearTimeout(this.#ahead.get(session));
    this.#ahead.set(session, undefined);
  }

  /** It is the turn of a session to be given, or it is not given. */
  leave(session: Session): void {
    const enter = this.#line.get(session);
    this.#line.delete(session);
    enter?.();
    this.#remove(session);
  }

  #add(session: Session): void {
    this.#ahead.set(
      session,
      setTimeout(() => this.#remove(session), Math.min(mostMs, this.#shareMs(this.#most))),
    );
  }

  #remove(session: Session): void {
    clearTimeout(this.#ahead.get(session));
    this.#ahead.delete(session);
    for (const [next, enter] of this.#line) {
      if (this.#ahead.size >= this.#most) return;
      this.#line.delete(next);
      this.#add(next);
      enter();
    }
  }
}
