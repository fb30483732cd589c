/** Most pauses of which the durations are remembered. */
const mostPauses = 1_000;

/** How long a pause is remembered, in milliseconds. */
const rememberMs = 60_000;

/** The pauses of clients whose session went to another target, in the last minute. Of more than a thousand the newest count. */
export class Pauses {
  readonly #pauses: { readonly at: number; readonly ms: number }[] = [];
  /** Longest pause since it was taken. */
  #longestMs = 0;

  add(ms: number, now: number): void {
    this.#pauses.push({ at: now, ms });
    this.#longestMs = Math.max(this.#longestMs, ms);
    if (this.#pauses.length > 2 * mostPauses) this.#pauses.splice(0, mostPauses);
  }

  /** The longest one, and the duration that 99 of 100 do not exceed, in milliseconds. */
  lately(now: number): { readonly longestMs: number; readonly p99Ms: number } {
    const first = this.#pauses.findIndex(({ at }) => now - at <= rememberMs);
    this.#pauses.splice(0, first === -1 ? this.#pauses.length : first);
    const sorted = this.#pauses.map(({ ms }) => ms).sort((a, b) => a - b);
    return { longestMs: sorted.at(-1) ?? 0, p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0 };
  }

  /** The longest one since the last call. */
  takeLongest(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }
}
