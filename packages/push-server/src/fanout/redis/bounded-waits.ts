/**
 * Waits for replies, each for one to two steps at most. Steps are counted and not time: a process that gets no CPU has
 * read no reply either.
 */
export class BoundedWaits {
  #young = new Set<() => void>();
  #old = this.#young;

  /** @returns resolves when the work is done or has failed, or after one to two steps */
  until(work: Promise<unknown>): Promise<void> {
    const waiting = this.#young;
    return new Promise((resolve) => {
      const end = (): void => {
        waiting.delete(end);
        resolve();
      };
      waiting.add(end);
      work.then(end, end);
    });
  }

  step(): void {
    const due = this.#old;
    this.#old = this.#young;
    this.#young = new Set();
    if (due !== this.#old) for (const end of due) end();
  }

  /** Waits for nothing any more. */
  close(): void {
    this.step();
    this.step();
  }
}
