/**
 * If no session was taken for this long, in milliseconds, no node takes any, and nothing waits for that. On a machine that is short of CPU time, a
 * node that takes sessions may pause for longer: its line of waiting clients must not grow meanwhile.
 */
const silentMs = { beforeTaken: 300, afterTaken: 1_000 } as const;

/** How long a session that no node takes is remembered, in milliseconds. */
const forgetMs = 60_000;

interface Pending {
  readonly at: number;
  readonly taken: () => void;
}

/**
 * Sessions that were given and that no other node has taken yet, by the ids of their sockets. The nodes that take them
 * set the pace.
 */
export class PendingTakes {
  readonly #onTook: (ms: number) => void;
  readonly #mostTakeMs: () => number;
  readonly #pending = new Map<string, Pending>();
  /** When a session was taken last, or the first of these was given. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #tookAt = Number.NEGATIVE_INFINITY;

  /**
   * @param onTook - called with the time that another node took to take a session, in milliseconds
   * @param mostTakeMs - how long one session is waited for while others are taken, in milliseconds: its client may have gone
   */
  constructor(onTook: (ms: number) => void, mostTakeMs: () => number) {
    this.#onTook = onTook;
    this.#mostTakeMs = mostTakeMs;
  }

  /** A session is given. Resolves when another node has taken it, when no node seems to take any, or after `mostMs`. */
  whenTaken(socket: string, mostMs: number): Promise<void> {
    const now = performance.now();
    this.#forget(now - forgetMs);
    if (this.#pending.size === 0) this.#heardAt = now;
    const by = now + Math.min(mostMs, this.#mostTakeMs());
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      let isTaken = false;
      const wait = (since: number): void => {
        // If this process had no CPU, that sessions were taken is read first.
        timer = setTimeout(() => void setImmediate(look), Math.min(by, this.#silentAt) - since);
      };
      const look = (): void => {
        // Others have been taken meanwhile: without that, more would be given the longer taking takes.
        const at = performance.now();
        if (!isTaken && at < by && at < this.#silentAt) wait(at);
        else resolve();
      };
      wait(now);
      const taken = (): void => {
        isTaken = true;
        clearTimeout(timer);
        resolve();
      };
      this.#pending.set(socket, { at: now, taken });
    });
  }

  /** Another node has taken a session. */
  taken(socket: string): void {
    const now = performance.now();
    this.#heardAt = now;
    this.#tookAt = now;
    const pending = this.#pending.get(socket);
    if (pending === undefined) return;
    this.#pending.delete(socket);
    this.#onTook(now - pending.at);
    pending.taken();
  }

  clear(): void {
    this.#pending.clear();
  }

  /** When no node takes any session, unless one is taken before, in time of `performance.now()`. */
  get #silentAt(): number {
    return Math.max(this.#heardAt + silentMs.beforeTaken, this.#tookAt + silentMs.afterTaken);
  }

  #forget(before: number): void {
    for (const [socket, { at }] of this.#pending) {
      if (at >= before) return;
      this.#pending.delete(socket);
    }
  }
}
