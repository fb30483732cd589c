import type { Logger } from '@gopush/service';

/** Work on sessions that is under way. */
export class RunningWork {
  readonly #log: Logger;
  #count = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  get count(): number {
    return this.#count;
  }

  /** Does some work. A failure is logged. */
  run(work: () => Promise<unknown>): void {
    this.#count++;
    work().then(
      () => this.#count--,
      (error: unknown) => {
        this.#count--;
        this.#log.error({ err: error }, 'giving a session failed');
      },
    );
  }
}
