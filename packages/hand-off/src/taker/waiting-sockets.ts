import type { DescriptorSocket } from '../system/descriptor-socket.ts';

/** Most givers whose socket for descriptors waits for their hello. */
const mostWaiting = 64;

/** Sockets for descriptors whose givers have not said hello yet, by the token that they sent first. */
export class WaitingSockets {
  readonly #listener: DescriptorSocket;
  readonly #isOwn: (descriptor: number) => boolean;
  readonly #waiting = new Map<string, DescriptorSocket>();

  /** @param isOwn - whether the other end of a socket is of this user */
  constructor(listener: DescriptorSocket, isOwn: (descriptor: number) => boolean) {
    this.#listener = listener;
    this.#isOwn = isOwn;
  }

  /** The socket of the giver with this token. */
  take(token: string): DescriptorSocket | undefined {
    this.#acceptAll();
    const socket = this.#waiting.get(token);
    this.#waiting.delete(token);
    return socket;
  }

  close(): void {
    this.#acceptAll();
    for (const socket of this.#waiting.values()) socket.close();
    this.#waiting.clear();
    this.#listener.close();
  }

  #acceptAll(): void {
    for (let socket = this.#listener.accept(); socket !== undefined; socket = this.#listener.accept()) {
      const token = this.#isOwn(socket.descriptor) ? socket.receive()?.bytes.toString('hex') : undefined;
      if (token === undefined || token === '' || this.#waiting.has(token)) socket.close();
      else this.#waiting.set(token, socket);
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    if (this.#waiting.size <= mostWaiting) return;
    for (const [token, socket] of this.#waiting) {
      this.#waiting.delete(token);
      socket.close();
      return;
    }
  }
}
