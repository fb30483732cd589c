import type { DescriptorSocket, Received } from '../system/descriptor-socket.ts';
import { maxOpenOffers } from './limits.ts';

/** Finds the descriptor that belongs to a message. It was sent before the message, so it is there already. */
export class DescriptorInbox {
  readonly #socket: DescriptorSocket;
  readonly #close: (descriptor: number) => void;
  /** Descriptors that came before that of a message that was read earlier. */
  readonly #waiting = new Map<number, number>();

  constructor(socket: DescriptorSocket, close: (descriptor: number) => void) {
    this.#socket = socket;
    this.#close = close;
  }

  /** @returns the descriptor, now the caller's; −1: none came */
  take(tag: number): number {
    const early = this.#waiting.get(tag);
    if (early !== undefined) {
      this.#waiting.delete(tag);
      return early;
    }
    // A peer that sends on and on must not keep this process here. Each packet before this one is of another message.
    for (let count = 0; count < maxOpenOffers; count++) {
      const received = this.#socket.receive();
      if (received === undefined) return -1;
      this.#keepAll(received);
      const descriptor = this.#waiting.get(tag);
      if (descriptor === undefined) continue;
      this.#waiting.delete(tag);
      return descriptor;
    }
    return -1;
  }

  close(): void {
    for (const descriptor of this.#waiting.values()) this.#close(descriptor);
    this.#waiting.clear();
    this.#socket.close();
  }

  #keepAll({ bytes, descriptors }: Received): void {
    const isWhole = bytes.length === 4 * descriptors.length;
    for (const [index, descriptor] of descriptors.entries()) {
      if (isWhole) this.#keep(bytes.readUInt32LE(4 * index), descriptor);
      else this.#close(descriptor);
    }
  }

  #keep(tag: number, descriptor: number): void {
    const older = this.#waiting.get(tag);
    if (older !== undefined) this.#close(older);
    this.#waiting.set(tag, descriptor);
    if (this.#waiting.size <= maxOpenOffers) return;
    for (const [first, unused] of this.#waiting) {
      this.#waiting.delete(first);
      this.#close(unused);
      break;
    }
  }
}
