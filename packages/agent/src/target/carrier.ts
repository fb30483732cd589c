import { connect, type NetConnectOpts, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Target } from '@gopush/contract';
import { readNow, writeNow } from '@gopush/service';
import { addressOf, connectTarget } from './connect-target.ts';

/** Takes what a socket reads. An object rather than a function, so that a tunnel needs no closures. */
export interface Receiver {
  /**
   * Takes the first `length` bytes of a chunk, which are valid only during the call.
   *
   * @returns whether to go on reading; after `false` the socket waits for `resume()`
   */
  onChunk(chunk: Buffer, length: number): boolean;
  /**
   * What {@link onChunk} threw, a fault of the program: to be logged, and to end this one connection. Out of a socket's callback it would
   * end the process, with all connections.
   */
  onFault(error: unknown): void;
}

/**
 * All carrying sockets of this process read into this one buffer, one after the other: a buffer for each, or a fresh one for each
 * read, is what makes proxies in Node slow and large. What the kernel does not take at once is copied before the next read.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** Where a carrying socket's chunks go; only sockets made here have it. */
const receiver = Symbol('receiver');
type CarryingSocket = Socket & { [receiver]?: Receiver | null };

/** The same of an ordinary stream, as with TLS. */
const listener = Symbol('listener');
type ListeningSocket = Socket & { [listener]?: Receiver };

/** What Node keeps of a connection. Not documented, and unchanged for ten years; docs/decisions/0005 says why we use it. */
interface Handle {
  /** Takes bytes of TLS that were read elsewhere; only TLS has it. */
  receive?(bytes: Buffer): void;
}
interface WithHandle extends Socket {
  _handle: Handle | null;
  readonly _readableState: { readonly ended: boolean };
}

const allowHalfOpen = true;
const onread = {
  buffer: shared,
  callback(this: CarryingSocket, length: number): boolean {
    const to = this[receiver];
    return to ? give(to, shared, length) : false;
  },
};

function give(to: Receiver, chunk: Buffer, length: number): boolean {
  try {
    return to.onChunk(chunk, length);
  } catch (error) {
    to.onFault(error);
    return false;
  }
}

/** Opens a connection that reads into the shared buffer, or, with TLS, an ordinary one. */
export function connectCarrying(target: Target): Socket {
  if (target.tls !== undefined) return connectTarget(target);
  return carrying(connect({ ...addressOf(target), noDelay: true, allowHalfOpen, onread } as NetConnectOpts));
}

/** So that no socket gets another shape when it is told where to carry to. */
function carrying(socket: CarryingSocket): Socket {
  socket[receiver] = null;
  return socket;
}

/**
 * Gives the connection of an accepted socket to a new one that reads into the shared buffer. Sockets where that cannot be done (TLS,
 * or the client is already ending) come back as they are.
 *
 * @returns the socket to use, paused, and what had already been read
 */
export function adopt(accepted: Socket): { readonly socket: Socket; readonly early: Buffer[] } {
  const old = accepted as WithHandle;
  const { _handle: handle } = old;
  if (
    (accepted.constructor as unknown) !== Socket ||
    old.destroyed ||
    !handle ||
    old.writableLength > 0 ||
    old._readableState.ended
  ) {
    return { socket: accepted, early: [] };
  }
  const early: Buffer[] = [];
  for (let chunk: Buffer | null = old.read(); chunk !== null; chunk = old.read()) early.push(chunk);
  old._handle = null;
  // The handle option is how Node itself makes the sockets of accepted connections.
  const adopting = { handle, pauseOnCreate: true, allowHalfOpen, onread };
  const socket = carrying(new Socket(adopting as ConstructorParameters<typeof Socket>[0]));
  // It has no connection any more: this only takes it off its server's count.
  old.destroy();
  return { socket, early };
}

/** Says where a socket's chunks go from now on, and lets them come. */
export function carryTo(socket: Socket, to: Receiver): void {
  if (isCarrying(socket)) socket[receiver] = to;
  else listenTo(socket, to);
  socket.resume();
}

function listenTo(socket: ListeningSocket, to: Receiver): void {
  const isNew = socket[listener] === undefined;
  socket[listener] = to;
  if (isNew) socket.on('data', onData);
}

function onData(this: ListeningSocket, chunk: Buffer): void {
  const to = this[listener];
  if (to !== undefined && !give(to, chunk, chunk.length)) this.pause();
}

/**
 * Writes a chunk that is valid only during the call. The kernel gets it at once while nothing is queued; only what it does not take is
 * copied and queued.
 *
 * Bytes for a socket that has ended go nowhere: a tunnel that says goodbye does not listen to what the other side still says.
 *
 * @returns whether the socket takes more; after `false` it emits `drain`
 */
export function writeChunk(socket: Socket, chunk: Buffer, length: number): boolean {
  if (!socket.writable) return true;
  const written = isCarrying(socket) ? writeNow(socket, chunk, length) : 0;
  return written === length || socket.write(Buffer.from(chunk.subarray(written, length)));
}

/**
 * Gives a receiver at once all that has come on a connection, which is no more than the kernel keeps. For a write that has failed: Node closes the
 * connection next, and what it has not read is lost, as the answer of a target that has closed without reading the whole body of its
 * request.
 */
export function readRest(socket: Socket, to: Receiver): void {
  if (!isCarrying(socket) || socket.destroyed) return;
  const rest = readAll(socket);
  if (rest.length > 0) give(to, rest, rest.length);
}

/**
 * The same for TLS, before a write: once a write has failed Node deciphers nothing more. What has come goes the way of all else that comes.
 */
export function readAhead(socket: Socket): void {
  const { _handle: handle } = socket as WithHandle;
  if (!(socket instanceof TLSSocket) || socket.isPaused() || handle?.receive === undefined) return;
  const rest = readAll(socket);
  if (rest.length > 0) handle.receive(rest);
}

function readAll(socket: Socket): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const length = readNow(socket, shared);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(Buffer.from(shared.subarray(0, length)));
  }
}

/**
 * Ends a connection so that the other side sees it fail. Node can reset only plain ones of TCP; one of TLS ends without its goodbye,
 * which TLS takes for a failure. While an end is on its way libuv refuses a reset, and Node would leave the descriptor open for ever.
 */
export function reset(socket: Socket): void {
  const { _handle: handle } = socket as WithHandle;
  const isTcp = handle === null || 'reset' in handle;
  if (!isTcp || socket instanceof TLSSocket || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function isCarrying(socket: Socket): socket is CarryingSocket {
  return receiver in socket;
}
