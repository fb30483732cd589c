/**
 * Begins work in the order in which it comes, and does only so much at a time. Thousands of calls with a time limit each would otherwise run out of
 * time while they wait for one another.
 */
export class FewAtATime {
  readonly #most: number;
  readonly #mostWaitMs: number;
  #busy = 0;
  #waiting: (() => void)[] = [];
  #deadline: NodeJS.Timeout | undefined = undefined;

  /**
   * @param most - how much is done at a time
   * @param mostWaitMs - how long anything waits for work before it, in milliseconds; then all that waits begins
   */
  constructor(most: number, mostWaitMs: number) {
    this.#most = most;
    this.#mostWaitMs = mostWaitMs;
  }

  /** Does some work. After a failure all that waits begins at once: it should not fail one after the other. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#most) await this.#turn();
    this.#busy++;
    try {
      return await work();
    } catch (error) {
      this.#beginAll();
      throw error;
    } finally {
      this.#busy--;
      if (this.#busy < this.#most) this.#waiting.shift()?.();
      if (this.#waiting.length === 0) this.#stopWaiting();
    }
  }

  #turn(): Promise<void> {
    this.#deadline ??= setTimeout(() => this.#beginAll(), this.#mostWaitMs);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #beginAll(): void {
    this.#stopWaiting();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const begin of waiting) begin();
  }

  #stopWaiting(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}
