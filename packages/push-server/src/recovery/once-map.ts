/** How long an entry is kept that is not taken, in milliseconds: a client may vanish in between. */
const keepMs = 30_000;

/** Entries that are taken once, or forgotten after 30 s. */
export class OnceMap<Value extends object> {
  readonly #entries = new Map<string, Value>();

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
    setTimeout(() => {
      if (this.#entries.get(key) === value) this.#entries.delete(key);
    }, keepMs).unref();
  }

  take(key: string): Value | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }
}
