import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { stopReading } from '../system/descriptor-of.ts';
import { learnHandle, type ReadsInto, socketOptionsOf } from '../system/tcp-handle.ts';

/** Called when a step of a stream is done. */
export type Done = (error?: Error | null) => void;

/** What a server wrote while it may not write to the client. */
export interface HeldWrite {
  readonly bytes: Buffer;
  readonly done: Done;
}

/** Decides what happens to what a server does with a socket that is held. */
export interface Gate {
  /** Whether the server reads the connection. */
  readonly isAccepted: boolean;
  /** The server has written bytes. While `done` is not called, what follows waits in the socket. */
  onWrite(bytes: Buffer, done: Done): void;
  /** The server has ended the stream. */
  onEnd(done: Done): void;
}

interface Piece {
  readonly chunk: Buffer | string;
  readonly encoding: BufferEncoding;
}

/**
 * A socket that looks open to a server, but reads nothing, and writes only what its gate lets through. It is opened for
 * good by {@link openSocket}, and is a plain `net.Socket` then: no message afterwards passes through anything here.
 */
export class HeldSocket extends Socket {
  /** Unset while the constructor of `Socket` runs, which begins to read. */
  declare gate: Gate | undefined;

  constructor(descriptor: number, gate: Gate, onread: ReadsInto | undefined) {
    super(socketOptionsOf(descriptor, onread));
    learnHandle(this);
    this.gate = gate;
  }

  override _read(size: number): void {
    if (this.gate?.isAccepted) super._read(size);
  }

  /** With `onread`, a socket reads before it is asked to by {@link HeldSocket._read}. */
  override read(size?: number): unknown {
    return this.gate?.isAccepted ? super.read(size) : Duplex.prototype.read.call(this, size);
  }

  /** The same. */
  override resume(): this {
    if (this.gate?.isAccepted) super.resume();
    else Duplex.prototype.resume.call(this);
    return this;
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: Done): void {
    this.gate?.onWrite(toBuffer({ chunk, encoding }), done);
  }

  override _writev(chunks: Piece[], done: Done): void {
    this.gate?.onWrite(Buffer.concat(chunks.map(toBuffer)), done);
  }

  override _final(done: Done): void {
    this.gate?.onEnd(done);
  }

  /** A reset would act on the connection itself, which is still the giver's. */
  override resetAndDestroy(): this {
    return this.destroy();
  }
}

function toBuffer({ chunk, encoding }: Piece): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

/** Writes past the gate. */
export function writeThrough(socket: HeldSocket, bytes: Buffer, done: Done): void {
  Socket.prototype._write.call(socket, bytes, 'buffer' as BufferEncoding, done);
}

/** Ends the stream past the gate. */
export function endThrough(socket: HeldSocket, done: Done): void {
  Socket.prototype._final.call(socket, done);
}

/** Lets a socket read from now on. @param early - what was read of the connection elsewhere; it comes first */
export function startReading(socket: HeldSocket, early: Buffer): void {
  // Its constructor has asked for bytes, and nothing has come since.
  if (early.length > 0) socket.push(early);
  else socket._read(0);
}

/** Stops reading for good. @returns what was read and that nobody has taken */
export function takeRead(socket: Socket): Buffer[] {
  // Emptying its buffer would make the stream read on, and bytes that come from now on are for the next taker.
  socket._read = ignore;
  stopReading(socket);
  const chunks: Buffer[] = [];
  for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk);
  // Emptying the buffer has begun to read again: bytes that come now are the giver's.
  stopReading(socket);
  return chunks;
}

function ignore(): void {}

/** Makes a plain socket of a held one: programs that take a short way around its stream compare the class. */
export function openSocket(socket: HeldSocket): void {
  socket.gate = undefined;
  Object.setPrototypeOf(socket, Socket.prototype);
}
