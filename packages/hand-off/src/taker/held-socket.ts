import { Socket } from 'node:net';
import { learnHandle, socketOptionsOf } from '../system/tcp-handle.ts';

/** Called when a step of a stream is done. */
export type Done = (error?: Error | null) => void;

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

  constructor(descriptor: number, gate: Gate) {
    super(socketOptionsOf(descriptor));
    learnHandle(this);
    this.gate = gate;
  }

  override _read(size: number): void {
    if (this.gate?.isAccepted) super._read(size);
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

/** Makes a plain socket of a held one: programs that take a short way around its stream compare the class. */
export function openSocket(socket: HeldSocket): void {
  socket.gate = undefined;
  Object.setPrototypeOf(socket, Socket.prototype);
}
