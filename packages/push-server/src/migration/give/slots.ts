/** Limits how much is worked on at a time. Work that was begun earlier comes before work that begins. */
export class Slots {
  #free: number;
  readonly #resumed: (() => void)[] = [];
  readonly #begun: (() => void)[] = [];

  /** @param atOnce - how much is worked on at a time */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Does some work as soon as a slot is free. @param how - `resumes`: it was begun in an earlier slot */
  async take<T>(how: 'begins' | 'resumes', work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else {
      const line = how === 'resumes' ? this.#resumed : this.#begun;
      await new Promise<void>((resolve) => line.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#resumed.shift() ?? this.#begun.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
