/** How many are done in one turn of the event loop. */
const atOnce = 32;

/** Works through a list, some in each turn of the event loop: thousands at once would keep everything else waiting. */
export class InTurns<T> {
  readonly #list: readonly T[];
  readonly #work: (one: T) => void;
  readonly #onDone: () => void;
  #next = 0;
  #turn: NodeJS.Immediate | undefined = undefined;

  /**
   * Begins at once.
   *
   * @param work - must not throw
   * @param onDone - called once, after the last one
   */
  constructor(list: readonly T[], work: (one: T) => void, onDone: () => void) {
    this.#list = list;
    this.#work = work;
    this.#onDone = onDone;
    this.#take(atOnce);
  }

  get isDone(): boolean {
    return this.#next === this.#list.length && this.#turn === undefined;
  }

  /** Does the remaining work now. */
  finish(): void {
    if (this.isDone) return;
    clearImmediate(this.#turn);
    this.#take(Number.POSITIVE_INFINITY);
  }

  #take(most: number): void {
    this.#turn = undefined;
    const until = Math.min(this.#next + most, this.#list.length);
    while (this.#next < until) this.#work(this.#list[this.#next++] as T);
    if (this.#next < this.#list.length) this.#turn = setImmediate(() => this.#take(atOnce));
    else this.#onDone();
  }
}
