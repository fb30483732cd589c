/** What one client asked for, done one after the other in the order in which it asked. */
export class SerialQueue {
  readonly #max: number;
  #count = 0;
  #last: Promise<void> | undefined = undefined;

  /** @param max - tasks that are being done or wait */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Does a task when those before it are done: at once where there are none.
   *
   * @param task - must not reject
   * @returns whether there was room for it
   */
  add(task: () => Promise<void>): boolean {
    if (this.#count >= this.#max) return false;
    const done = this.#count++ === 0 || this.#last === undefined ? task() : this.#last.then(task);
    const last = done.finally(() => {
      this.#count--;
      // Nobody waits for it any more.
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
    return true;
  }
}
