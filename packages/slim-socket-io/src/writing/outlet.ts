import type { Socket } from 'node:net';
import { offer } from '@gopush/service';
import { atEndOfTick, type Waiting } from './end-of-tick.ts';

/** Called when bytes are written, or cannot be. */
type Written = (error?: Error | null) => void;

/** Counts what waits for a client; `ws` has it in its `bufferedAmount`. */
export interface Account {
  _bufferedBytes: number;
}

/** Told of how a client keeps up. */
export interface OutletOwner {
  /** The network has not taken all; what comes next goes to the queue of the connection. */
  onBehind(): void;
  /** All has gone. */
  onCaughtUp(): void;
}

/** Most bytes that one connection holds back until the tick ends; more go on their way at once. */
const maxWaitingBytes = 64 * 1024;

/** All outlets of this process join their bytes here, one after the other; what the kernel does not take is copied. */
const joined = Buffer.allocUnsafeSlow(maxWaitingBytes);

/**
 * The way out to one client: what is written to it in one tick leaves in one write when the tick ends. It stands before the
 * connection's socket, with as much of a socket's face as a `ws` sender looks at.
 *
 * While the client does not keep up nothing is held back: bytes go to the queue of the socket, and the owner is told when it is empty.
 */
export class Outlet implements Waiting {
  readonly #socket: Socket;
  readonly #account: Account;
  readonly #owner: OutletOwner;
  #first: Buffer | undefined = undefined;
  #others: Buffer[] | undefined = undefined;
  #bytes = 0;
  #scheduled = false;
  /** How often the owner has sent in this tick and gone on at once; it counts. */
  turns = 0;
  /** Made for the few that ever fall behind. */
  #onWritten: Written | undefined = undefined;

  constructor(socket: Socket, account: Account, owner: OutletOwner) {
    this.#socket = socket;
    this.#account = account;
    this.#owner = owner;
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

  /** @param written - called when the bytes are truly on their way, which are not held back then */
  write(chunk: Buffer | string, written?: Written): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (written === undefined && this.ready) {
      this.hold(bytes);
      return;
    }
    this.flush();
    this.#queue(bytes, written);
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
    this.turns = 0;
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

  #send(bytes: Buffer, length: number): void {
    const taken = offer(this.#socket, bytes, length);
    if (taken === length) return;
    const rest = bytes.subarray(taken, length);
    this.#queue(bytes === joined ? Buffer.from(rest) : rest);
  }

  /** Each write asks to be told: the last one to be written is the one that says that all has gone. */
  #queue(bytes: Buffer, written?: Written): void {
    this.#onWritten ??= () => {
      if (this.ready) this.#owner.onCaughtUp();
    };
    const onWritten = this.#onWritten;
    const told =
      written === undefined
        ? onWritten
        : (error?: Error | null): void => {
            written(error);
            onWritten();
          };
    this.#socket.write(bytes, told);
    if (!this.ready) this.#owner.onBehind();
  }
}
