/** Lets so many work at a time. Whoever goes on with something goes before whoever only begins. */
export class Slots {
  #free: number;
  readonly #goingOn: (() => void)[] = [];
  readonly #beginning: (() => void)[] = [];

  /** @param atOnce - how many work at a time */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Works when it is its turn. @param how - `begins`, or `goes on` with what was begun in an earlier turn */
  async take<T>(how: 'begins' | 'goes on', work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else {
      const line = how === 'goes on' ? this.#goingOn : this.#beginning;
      await new Promise<void>((resolve) => line.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#goingOn.shift() ?? this.#beginning.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
