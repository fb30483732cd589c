/** Waits until all who have to know of something know it, and no longer than so long for those who do not answer. */
export class Following {
  /** Resolves when all know it who could be waited for. */
  readonly known: Promise<void>;
  #onLate: (() => void)[] | undefined = [];
  #unknowing = 1;
  #waitedFor = 1;
  #resolve!: () => void;
  #isLate = false;
  readonly #deadline: NodeJS.Timeout;
  readonly #onDone: () => void;

  /** @param onDone - called when all know it */
  constructor(ms: number, onDone: () => void) {
    this.known = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#deadline = setTimeout(() => this.#giveUp(), ms);
    this.#onDone = onDone;
  }

  /** @param onLate - called where somebody comes to know it only after `known` has resolved */
  whenLate(onLate: () => void): void {
    this.#onLate?.push(onLate);
  }

  /** One more has to know it. @returns to be called when they do */
  add(isWaitedFor: boolean): () => void {
    this.#unknowing++;
    if (isWaitedFor) this.#waitedFor++;
    return () => this.#knows(isWaitedFor);
  }

  /** All have been added. */
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
