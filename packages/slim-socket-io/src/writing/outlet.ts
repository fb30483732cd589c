import type { Socket } from 'node:net';
import { writeNow } from '@gopush/service';
import type { SenderInternals } from '../internals/private-names.ts';
import { atEndOfTick, type Waiting } from './end-of-tick.ts';

/** Called when bytes are written, or cannot be. */
type Written = (error?: Error | null) => void;

/** Is told whether a client keeps up. */
export interface OutletOwner {
  /** The network has not taken everything; packets that follow go to the queue of the connection. */
  onBehind(): void;
  /** Everything was written. */
  onCaughtUp(): void;
}

/** Follows how far the stream of a client is written, so that this is known after the death of this process. */
export interface StreamNotes {
  /** A frame, or a part of one, is being passed on; in the order of the stream. */
  passes(bytes: Buffer): void;
  /** Whole frames are about to be written, those of this tick. @param bytes - how many these are */
  writes(bytes: number): void;
  /** The tick ends. All that was passed on in it ends with a whole frame. @param bytes - how many were written that were not told before */
  wrote(bytes: number): void;
}

/** Most bytes that are held back for one connection until the tick ends; more are written at once. */
const maxWaitingBytes = 64 * 1024;

const none: readonly Buffer[] = [];

/** All outlets of this process join their bytes here, one after the other. What the kernel does not take is copied. */
const joined = Buffer.allocUnsafeSlow(maxWaitingBytes);

/**
 * Writes to one client: all that is written in one tick leaves in one write when the tick ends. For the sender of `ws` it replaces the
 * socket, with those methods of a socket that the sender calls.
 *
 * While the client does not keep up, nothing is held back: bytes go to the queue of the socket, and the owner is told when that is empty.
 */
export class Outlet implements Waiting {
  readonly #socket: Socket;
  readonly #account: Pick<SenderInternals, '_bufferedBytes'>;
  readonly #owner: OutletOwner;
  #first: Buffer | undefined = undefined;
  #others: Buffer[] | undefined = undefined;
  #bytes = 0;
  #scheduled = false;
  /** Whether everything is held back, since what was written to the socket before has not left either. */
  #isKept = false;
  /** How often the owner has reported in this tick that everything was written; the owner counts. */
  turns = 0;
  /** Absent for most programs. */
  notes: StreamNotes | undefined = undefined;
  /** Bytes that were passed on in this tick. */
  #passed = 0;
  /** Made for clients that fall behind, as all do while they are handed over, and dropped when they have caught up. */
  #onWritten: Written | undefined = undefined;

  constructor(socket: Socket, account: Pick<SenderInternals, '_bufferedBytes'>, owner: OutletOwner) {
    this.#socket = socket;
    this.#account = account;
    this.#owner = owner;
  }

  /** Whether the client keeps up: everything from before this tick was written. */
  get ready(): boolean {
    return (this.#isKept || this.#socket.writableLength === 0) && this.#socket.writable;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Does nothing: all writes of a tick are joined anyway. */
  cork(): void {}

  uncork(): void {}

  /** @param written - called when the bytes were written; with it they are not held back */
  write(chunk: Buffer | string, written?: Written): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (written === undefined && this.ready) {
      this.hold(bytes);
      return;
    }
    this.flush();
    this.#queue(bytes, written);
    if (this.notes !== undefined) this.#note(this.notes, bytes);
  }

  /** Holds bytes back until the tick ends. The bytes must not change any more, and the outlet must be {@link ready}. */
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
        if (this.notes !== undefined) this.#note(this.notes, bytes);
        return;
      }
    }
    if (this.#first === undefined) this.#first = bytes;
    else if (this.#others === undefined) this.#others = [bytes];
    else this.#others.push(bytes);
    this.#bytes += length;
    this.#account._bufferedBytes += length;
  }

  /** Holds everything back until {@link letGo}. */
  keep(): void {
    this.#isKept = true;
  }

  /** Writes what was held back since {@link keep}. */
  letGo(): void {
    this.#isKept = false;
    this.flush();
  }

  endTick(): void {
    this.#scheduled = false;
    this.turns = 0;
    if (this.#isKept) return;
    const { notes } = this;
    if (notes === undefined) this.flush();
    else this.#flushNoted(notes);
  }

  /** Without anything that left before in this tick, the frames that wait are whole. */
  #flushNoted(notes: StreamNotes): void {
    const first = this.#first;
    if (first !== undefined && this.#passed === 0 && this.#socket.writable) {
      notes.passes(first);
      for (const other of this.#others ?? none) notes.passes(other);
      notes.writes(this.#bytes);
      this.#flush();
    } else this.flush();
    notes.wrote(this.#passed);
    this.#passed = 0;
  }

  /** Writes what is held back; drops it if the connection has ended. */
  flush(): void {
    const { notes } = this;
    const first = this.#first;
    if (notes !== undefined && first !== undefined && this.#socket.writable) {
      this.#note(notes, first);
      for (const other of this.#others ?? none) this.#note(notes, other);
    }
    this.#flush();
  }

  #flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const others = this.#others;
    const length = this.#bytes;
    this.#first = undefined;
    this.#others = undefined;
    this.#bytes = 0;
    this.#account._bufferedBytes -= length;
    if (!this.#socket.writable) return;
    if (others === undefined) this.#send(first, length);
    else this.#sendJoined(first, others, length);
  }

  #sendJoined(first: Buffer, others: readonly Buffer[], length: number): void {
    joined.set(first, 0);
    let at = first.length;
    for (const other of others) {
      joined.set(other, at);
      at += other.length;
    }
    this.#send(joined, length);
  }

  #note(notes: StreamNotes, bytes: Buffer): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      atEndOfTick(this);
    }
    this.#passed += bytes.length;
    notes.passes(bytes);
  }

  #send(bytes: Buffer, length: number): void {
    const taken = writeNow(this.#socket, bytes, length);
    if (taken === length) return;
    const rest = bytes.subarray(taken, length);
    this.#queue(bytes === joined ? Buffer.from(rest) : rest);
  }

  /** Every write has a callback, because any of them may be the last. */
  #queue(bytes: Buffer, written?: Written): void {
    this.#onWritten ??= () => {
      if (!this.ready) return;
      this.#onWritten = undefined;
      this.#owner.onCaughtUp();
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
