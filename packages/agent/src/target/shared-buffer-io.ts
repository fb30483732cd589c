import { connect, type NetConnectOpts, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Target } from '@gopush/contract';
import { hasEnded, readNow, writeNow } from '@gopush/service';
import { addressOf, connectTarget } from './connect-target.ts';

/** Takes the bytes that a socket reads. An object rather than a function, so that tunnels need no closures. */
export interface Receiver {
  /**
   * Takes the first `length` bytes of a chunk, which are valid only during the call.
   *
   * @returns whether to continue reading; after `false` the socket waits for `resume()`
   */
  onChunk(chunk: Buffer, length: number): boolean;
  /**
   * Takes an error that {@link onChunk} threw, a fault of the program: logs it, and ends this one connection. Thrown
   * out of a socket's callback it would
   * end the process, with all connections.
   */
  onFault(error: unknown): void;
}

/**
 * All carrying sockets of this process read into this one buffer, one after the other: a buffer for each socket, or a new one for each read, is
 * what makes proxies in Node slow and large. Bytes that the kernel does not take at once are copied before the next read.
 */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** The receiver of a carrying socket; only sockets made here have it. */
const receiver = Symbol('receiver');
type CarryingSocket = Socket & { [receiver]?: Receiver | null };

/** The receiver of an ordinary stream, as with TLS. */
const listener = Symbol('listener');
type ListeningSocket = Socket & { [listener]?: Receiver };

/** Node's own object for a connection. It is not documented, but unchanged for ten years; docs/decisions/0005 has the reasons for using it. */
interface Handle {
  /** Takes TLS bytes that were read elsewhere; only TLS has it. */
  receive?(bytes: Buffer): void;
}
interface WithHandle extends Socket {
  _handle: Handle | null;
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

/** Gives all sockets the same shape before a receiver is set. */
function carrying(socket: CarryingSocket): Socket {
  socket[receiver] = null;
  return socket;
}

/**
 * Gives the connection of an accepted socket to a new one that reads into the shared buffer. Sockets for which that is impossible (TLS, or the
 * client is ending) are returned as they are.
 *
 * @returns the socket to use, paused, and the bytes that had been read already
 */
export function adopt(accepted: Socket): { readonly socket: Socket; readonly early: Buffer[] } {
  const old = accepted as WithHandle;
  const { _handle: handle } = old;
  if (
    (accepted.constructor as unknown) !== Socket ||
    old.destroyed ||
    !handle ||
    old.writableLength > 0 ||
    hasEnded(accepted)
  ) {
    return { socket: accepted, early: [] };
  }
  const early: Buffer[] = [];
  for (let chunk: Buffer | null = old.read(); chunk !== null; chunk = old.read()) early.push(chunk);
  old._handle = null;
  // Node itself makes the sockets of accepted connections with the handle option.
  const adopting = { handle, pauseOnCreate: true, allowHalfOpen, onread };
  const socket = carrying(new Socket(adopting as ConstructorParameters<typeof Socket>[0]));
  // It has no connection any more: this only removes it from its server's count.
  old.destroy();
  return { socket, early };
}

/** Sets the receiver of a socket, and starts reading. */
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
 * Writes a chunk that is valid only during the call. While nothing is queued, the kernel gets it at once; only what the kernel does not take is
 * copied and queued.
 *
 * Bytes for a socket that has ended are dropped: a tunnel that closes ignores what the other side still sends.
 *
 * @returns whether the socket takes more; after `false` it emits `drain`
 */
export function writeChunk(socket: Socket, chunk: Buffer, length: number): boolean {
  if (!socket.writable) return true;
  const written = isCarrying(socket) ? writeNow(socket, chunk, length) : 0;
  return written === length || socket.write(Buffer.from(chunk.subarray(written, length)));
}

/**
 * Gives a receiver at once all that has arrived on a connection, which is no more than the kernel buffers. Called after a write has failed: Node
 * closes the connection next, and would lose the bytes that it has not read, as the response of a target that closed
 * before it had read the whole request.
 */
export function readRest(socket: Socket, to: Receiver): void {
  if (!isCarrying(socket) || socket.destroyed) return;
  const rest = readAll(socket);
  if (rest.length > 0) give(to, rest, rest.length);
}

/** The same for TLS, before a write: after a failed write Node decrypts nothing more. The bytes take the usual way through Node. */
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
 * Ends a connection so that the other side sees it fail. Node can reset only plain TCP connections; one of TLS ends without `close_notify`,
 * which TLS treats as a failure. While an end is being sent libuv refuses a reset, and Node would never close the descriptor.
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
