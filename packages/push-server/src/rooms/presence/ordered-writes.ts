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
    const done = this.#run(this.#last.get(key), write).then(() => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    });
    this.#last.set(key, done);
    return done;
  }

  async #run(before: Promise<void> | undefined, write: () => Promise<void>): Promise<void> {
    await before;
    try {
      await write();
    } catch (error) {
      this.#onError(error);
    }
  }
}
