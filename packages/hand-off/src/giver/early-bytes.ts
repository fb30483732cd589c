import { maxKeptEarlyBytes } from '../channel/limits.ts';
import type { Handed } from './handed.ts';

/** As how many bytes each connection counts, besides its own: it is looked at once a second. */
const extraBytes = 1_024;

/**
 * Bytes of clients that went along with the acceptance of their connections, until their taker has noted that it has read it. A taker that dies before has
 * done nothing with them, so the next one gets them.
 */
export class EarlyBytes {
  readonly #kept = new Map<object, Buffer>();
  #size = 0;

  /** A connection was accepted with these bytes. They are kept if there is room for them. */
  keep(handed: Handed<unknown>, bytes: Buffer): void {
    this.#drop(handed);
    const size = bytes.length + extraBytes;
    if (bytes.length === 0 || this.#size + size > maxKeptEarlyBytes) return;
    this.#kept.set(handed, bytes);
    this.#size += size;
  }

  of(handed: Handed<unknown>): Buffer | undefined {
    return this.#kept.get(handed);
  }

  /** Drops those that are not needed any more. */
  sweep(isNeeded: (handed: Handed<unknown>) => boolean): void {
    for (const handed of this.#kept.keys()) {
      if (!isNeeded(handed as Handed<unknown>)) this.#drop(handed);
    }
  }

  #drop(handed: object): void {
    const bytes = this.#kept.get(handed);
    if (bytes === undefined) return;
    this.#kept.delete(handed);
    this.#size -= bytes.length + extraBytes;
  }
}
