/** Work that nobody awaits where it begins, and that has to end before a stop goes on. */
export class UnfinishedWork {
  readonly #all = new Set<Promise<void>>();
  readonly #onFailed: (error: unknown) => void;

  /** @param onFailed - called with what work rejects with */
  constructor(onFailed: (error: unknown) => void) {
    this.#onFailed = onFailed;
  }

  /** Has a stop wait for some work. */
  add(work: Promise<void>): void {
    this.#all.add(work);
    work.catch(this.#onFailed).finally(() => this.#all.delete(work));
  }

  /** Resolves when all the work that there is now has ended; rejects where some has failed. */
  async done(): Promise<void> {
    await Promise.all(this.#all);
  }
}
