/** How long an entry is kept at least that is not taken, in milliseconds, and at most twice as long: a client may vanish in between. */
const keepMs = 30_000;

/** Entries that are taken once, or forgotten after 30 s to a minute. */
export class OnceMap<Value extends object> {
  #newer = new Map<string, Value>();
  #older = new Map<string, Value>();
  /** One for all entries: thousands come at once when another node has died. */
  #timer: NodeJS.Timeout | undefined = undefined;

  set(key: string, value: Value): void {
    this.#newer.set(key, value);
    this.#older.delete(key);
    this.#timer ??= setInterval(() => this.#age(), keepMs).unref();
  }

  take(key: string): Value | undefined {
    const value = this.#newer.get(key) ?? this.#older.get(key);
    this.#newer.delete(key);
    this.#older.delete(key);
    return value;
  }

  #age(): void {
    this.#older = this.#newer;
    this.#newer = new Map();
    if (this.#older.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
