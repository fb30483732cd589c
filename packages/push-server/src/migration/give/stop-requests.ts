import type { FollowedConnection } from '../follow/followed-connection.ts';

/**
 * How long a session waits in its slot for its client to stop, in milliseconds, before agents have shown how long they
 * take, and at most.
 */
const waitMs = { first: 25, most: 50 };

/** After this multiple of the usual time a session leaves its slot, and waits outside. */
const patience = 4;

/** Asks agents to stop clients. A client that takes longer than usual stops later, and occupies no slot meanwhile. */
export class StopRequests {
  /** How long agents usually take to report that a client has stopped, in milliseconds. */
  #usualMs = waitMs.first / patience;

  /**
   * Asks the agent of a connection. Resolves when the client has stopped, or takes longer than usual, or than `mostMs`.
   */
  async ask(followed: FollowedConnection, mostMs: number): Promise<void> {
    const askedAt = performance.now();
    followed.askToStop();
    if (await followed.whenStopped(Math.min(waitMs.most, this.#usualMs * patience, mostMs))) {
      this.#usualMs += (performance.now() - askedAt - this.#usualMs) / 8;
    }
  }
}
