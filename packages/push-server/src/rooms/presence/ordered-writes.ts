/** Runs the writes of each connection one after the other: a leave must not overtake its enter. */
export class OrderedWrites {
  readonly #last = new Map<string, Promise<void>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError - called with the error of a write that rejects; the writes after it run */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /**
   * Runs a write when those before it have ended.
   *
   * @param key - names the connection
   */
  add(key: string, write: () => Promise<void>): Promise<void> {
    const done = (this.#last.get(key) ?? Promise.resolve()).then(write).catch(this.#onError);
    this.#last.set(key, done);
    return done.finally(() => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    });
  }
}
