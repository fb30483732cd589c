import type { DescriptorSocket } from '../system/descriptor-socket.ts';

/** Most givers whose socket for descriptors waits for their hello. */
const mostWaiting = 64;

/** Sockets for descriptors whose givers have not said hello yet. Each of these sends a token first. */
export class WaitingSockets {
  readonly #listener: DescriptorSocket;
  readonly #isOwn: (descriptor: number) => boolean;
  /** By token, oldest first. */
  readonly #waiting = new Map<string, DescriptorSocket>();
  /** Those whose token has not come: their givers connect just now. Oldest first. */
  readonly #unnamed = new Set<DescriptorSocket>();

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
    for (const socket of [...this.#waiting.values(), ...this.#unnamed]) socket.close();
    this.#waiting.clear();
    this.#unnamed.clear();
    this.#listener.close();
  }

  #acceptAll(): void {
    for (const socket of this.#unnamed) this.#readToken(socket);
    for (let count = 0; count < mostWaiting; count++) {
      const socket = this.#listener.accept();
      if (socket === undefined) return;
      if (this.#isOwn(socket.descriptor)) this.#readToken(socket);
      else socket.close();
    }
  }

  #readToken(socket: DescriptorSocket): void {
    const token = socket.receiveBytes()?.toString('hex');
    if (token === undefined) this.#unnamed.add(socket);
    else {
      this.#unnamed.delete(socket);
      if (token === '' || this.#waiting.has(token)) socket.close();
      else this.#waiting.set(token, socket);
    }
    this.#dropOldest();
  }

  #dropOldest(): void {
    if (this.#waiting.size + this.#unnamed.size <= mostWaiting) return;
    for (const unnamed of this.#unnamed) {
      this.#unnamed.delete(unnamed);
      unnamed.close();
      return;
    }
    for (const [token, socket] of this.#waiting) {
      this.#waiting.delete(token);
      socket.close();
      return;
    }
  }
}
