/** Waits until all other nodes know of something, but not longer than a deadline for those that do not respond. */
export class Following {
  /** Resolves when all nodes that could be waited for know of it. */
  readonly known: Promise<void>;
  #onLate: (() => void)[] | undefined = [];
  /** How many do not know of it yet, and how many of them are waited for. One more is counted until {@link begin}. */
  #unknowing = 1;
  #waitedFor = 1;
  #resolve!: () => void;
  #isLate = false;
  readonly #deadline: NodeJS.Timeout;
  readonly #onDone: () => void;

  /**
   * @param ms - how long it waits at most, in milliseconds
   * @param onDone - called when all nodes know of it
   */
  constructor(ms: number, onDone: () => void) {
    this.known = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#deadline = setTimeout(() => this.#giveUp(), ms);
    this.#onDone = onDone;
  }

  /** @param onLate - called if a node comes to know of it only after `known` has resolved */
  whenLate(onLate: () => void): void {
    this.#onLate?.push(onLate);
  }

  /** Adds a node. @returns to be called when the node knows of it */
  add(isWaitedFor: boolean): () => void {
    this.#unknowing++;
    if (isWaitedFor) this.#waitedFor++;
    return () => this.#knows(isWaitedFor);
  }

  /** All nodes have been added. */
  begin(): void {
    this.#knows(true);
  }

  #knows(isWaitedFor: boolean): void {
    this.#unknowing--;
    if (isWaitedFor) this.#waitedFor--;
    if (this.#unknowing === 0) {
      this.#onDone();
      if (this.#isLate) for (const onLate of this.#onLate ?? []) onLate();
      this.#onLate = undefined;
    }
    if (this.#waitedFor === 0) this.#giveUp();
  }

  #giveUp(): void {
    clearTimeout(this.#deadline);
    this.#isLate = this.#unknowing > 0;
    this.#resolve();
  }
}
