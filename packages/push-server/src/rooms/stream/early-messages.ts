import type { KeptMessage } from '@gopush/store';

/** How many messages that came too early are held. */
const maxEarly = 1_000;

/** Messages of a room that came before earlier ones, by their offsets. */
export class EarlyMessages {
  #byOffset: Map<number, KeptMessage> | undefined;

  /** Holds a message, if there is room for it. One that does not fit is read from the history later. */
  add(message: KeptMessage): void {
    this.#byOffset ??= new Map();
    if (this.#byOffset.size < maxEarly) this.#byOffset.set(message.offset, message);
  }

  /** Takes out the message at an offset; `undefined`: it has not come. */
  take(offset: number): KeptMessage | undefined {
    const message = this.#byOffset?.get(offset);
    if (message !== undefined) this.#remove(offset);
    return message;
  }

  /** Whether all messages from one offset up to another, without that one, have come. */
  hasAll(from: number, end: number): boolean {
    for (let at = from; at < end; at++) if (this.#byOffset?.has(at) !== true) return false;
    return true;
  }

  /** Drops messages up to an offset: members have them. */
  dropUpTo(offset: number): void {
    for (const at of this.#byOffset?.keys() ?? []) if (at <= offset) this.#remove(at);
  }

  clear(): void {
    this.#byOffset = undefined;
  }

  #remove(offset: number): void {
    this.#byOffset?.delete(offset);
    if (this.#byOffset?.size === 0) this.#byOffset = undefined;
  }
}
