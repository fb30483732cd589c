/** Limits how much is worked on at a time. Work that was begun earlier comes before work that begins. */
export class Slots {
  readonly #size: () => number;
  #busy = 0;
  readonly #resumed: (() => void)[] = [];
  readonly #begun: (() => void)[] = [];

  /** @param size - how much may be worked on at a time, which may change */
  constructor(size: () => number) {
    this.#size = size;
  }

  /** Whether as much is worked on as may be. */
  get isFull(): boolean {
    return this.#busy >= this.#size();
  }

  /** How much that was begun earlier waits for a slot. */
  get waiting(): number {
    return this.#resumed.length;
  }

  /** Does some work as soon as a slot is free. @param how - `resumes`: it was begun in an earlier slot */
  async take<T>(how: 'begins' | 'resumes', work: () => Promise<T>): Promise<T> {
    if (this.#busy < this.#size()) this.#busy++;
    else {
      const line = how === 'resumes' ? this.#resumed : this.#begun;
      await new Promise<void>((resolve) => line.push(resolve));
    }
    try {
      return await work();
    } finally {
      this.#busy--;
      this.#next();
    }
  }

  #next(): void {
    while (this.#busy < this.#size()) {
      const next = this.#resumed.shift() ?? this.#begun.shift();
      if (next === undefined) return;
      this.#busy++;
      next();
    }
  }
}
