/** Does tasks one after the other, in order. */
export class SerialQueue {
  readonly #max: number;
  #count = 0;
  #last: Promise<void> | undefined = undefined;

  /** @param max - most tasks that run or wait */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many tasks run or wait. */
  get size(): number {
    return this.#count;
  }

  /**
   * Does a task after those before it: at once if there are none.
   *
   * @param task - must not reject
   * @returns whether there was room for it
   */
  add(task: () => Promise<void>): boolean {
    if (this.#count >= this.#max) return false;
    const done = this.#count++ === 0 || this.#last === undefined ? task() : this.#last.then(task);
    const last = done.finally(() => {
      this.#count--;
      // No later task waits for it.
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    return true;
  }
}
