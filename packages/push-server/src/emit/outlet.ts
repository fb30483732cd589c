import type { Socket } from 'node:net';
import { offer } from './descriptor.ts';
import { atEndOfTick, type Waiting } from './end-of-tick.ts';

/** Called when bytes are written, or cannot be. */
type Written = (error?: Error | null) => void;

/** Counts what waits for a client; `ws` has it in its `bufferedAmount`. */
export interface Account {
  _bufferedBytes: number;
}

/** Most bytes that one connection holds back until the tick ends; more go on their way at once. */
const maxWaitingBytes = 64 * 1024;

/**
 * Most callbacks that one tick calls at once. What sends more whenever it is told to go on is then told by the socket, a tick later:
 * it must not go on for ever on one stack.
 */
const maxCallbacks = 256;

/** All outlets of this process join their bytes here, one after the other; what the kernel does not take is copied. */
const joined = Buffer.allocUnsafeSlow(maxWaitingBytes);

/**
 * The way out to one client: what is written to it in one tick leaves in one write when the tick ends. It stands before the
 * connection's socket, with as much of a socket's face as a `ws` sender looks at.
 *
 * While the client does not keep up nothing is held back: bytes go to the socket, whose queue and callbacks are those by which
 * Engine.IO knows that it must wait.
 */
export class Outlet implements Waiting {
  readonly #socket: Socket;
  readonly #account: Account;
  readonly #isPatient: (written: Written) => boolean;
  #first: Buffer | undefined = undefined;
  #others: Buffer[] | undefined = undefined;
  #bytes = 0;
  #callbacks = 0;
  #scheduled = false;

  /**
   * @param isPatient - whether a callback may be called as soon as bytes are held back. Others, as those after which a connection is
   *   closed, are called when the bytes are truly written
   */
  constructor(socket: Socket, account: Account, isPatient: (written: Written) => boolean) {
    this.#socket = socket;
    this.#account = account;
    this.#isPatient = isPatient;
  }

  /** Whether the client keeps up: all that was written before this tick has gone. */
  get ready(): boolean {
    return this.#socket.writableLength === 0 && this.#socket.writable;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Nothing to do: all writes of a tick are joined anyway. */
  cork(): void {}

  uncork(): void {}

  write(chunk: Buffer | string, written?: Written): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (!this.ready || (written !== undefined && !this.#mayCall(written))) {
      this.flush();
      this.#socket.write(bytes, written);
      return;
    }
    this.hold(bytes);
    written?.();
  }

  /** Holds bytes back until the tick ends. They must not change any more, and the outlet must be {@link ready}. */
  hold(bytes: Buffer): void {
    const { length } = bytes;
    if (!this.#scheduled) {
      this.#scheduled = true;
      atEndOfTick(this);
    }
    if (this.#bytes + length > maxWaitingBytes) {
      this.flush();
      if (length > maxWaitingBytes || !this.ready) {
        this.#send(bytes, length);
        return;
      }
    }
    if (this.#first === undefined) this.#first = bytes;
    else if (this.#others === undefined) this.#others = [bytes];
    else this.#others.push(bytes);
    this.#bytes += length;
    this.#account._bufferedBytes += length;
  }

  endTick(): void {
    this.#scheduled = false;
    this.#callbacks = 0;
    this.flush();
  }

  /** Writes what is held back. Where the connection is gone there is nobody to write to. */
  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const others = this.#others;
    const length = this.#bytes;
    this.#first = undefined;
    this.#others = undefined;
    this.#bytes = 0;
    this.#account._bufferedBytes -= length;
    if (!this.#socket.writable) return;
    if (others === undefined) {
      this.#send(first, length);
      return;
    }
    joined.set(first, 0);
    let at = first.length;
    for (const other of others) {
      joined.set(other, at);
      at += other.length;
    }
    this.#send(joined, length);
  }

  #mayCall(written: Written): boolean {
    return this.#isPatient(written) && this.#callbacks++ < maxCallbacks;
  }

  #send(bytes: Buffer, length: number): void {
    const taken = offer(this.#socket, bytes, length);
    if (taken === length) return;
    const rest = bytes.subarray(taken, length);
    this.#socket.write(bytes === joined ? Buffer.from(rest) : rest);
  }
}
