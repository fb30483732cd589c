/**
 * Tells attempts that they are abandoned. It stands where an `AbortSignal` could: one of those takes as long to make as the rest of a search for
 * a target, and an agent whose target dies makes thousands.
 */
export class Abandonment {
  #isAborted = false;
  #listeners: (() => void)[] | undefined = undefined;

  get aborted(): boolean {
    return this.#isAborted;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners ??= [];
    this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.#listeners?.indexOf(listener) ?? -1;
    if (at !== -1) this.#listeners?.splice(at, 1);
  }

  /** Abandons all attempts; once. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    const listeners = this.#listeners ?? [];
    this.#listeners = undefined;
    for (const listener of listeners) listener();
  }
}
