/** Work that is not awaited where it begins. A stop awaits it. */
export class UnfinishedWork {
  readonly #all = new Set<Promise<void>>();
  readonly #onFailed: (error: unknown) => void;

  /** @param onFailed - called with the error of each rejection */
  constructor(onFailed: (error: unknown) => void) {
    this.#onFailed = onFailed;
  }

  /** Adds work that a stop has to await. */
  add(work: Promise<void>): void {
    this.#all.add(work);
    work.catch(this.#onFailed).finally(() => this.#all.delete(work));
  }

  /** Resolves when all current work has ended; rejects if some fails. */
  async done(): Promise<void> {
    await Promise.all(this.#all);
  }
}
