import type { Socket } from 'node:net';
import { descriptorOf } from '../system/descriptor-of.ts';
import type { ReadsInto } from '../system/tcp-handle.ts';
import type { Done } from './held-socket.ts';
import type { TakenConnection } from './taken-connection.ts';

/** Follows the end of a socket that was handed to this process. */
export interface SocketOwner extends TakenConnection {
  /** So many bytes were read of the connection. */
  reads(length: number): void;
  /**
   * The server has destroyed the socket. If its response is on its way to the client, the descriptor is needed until that is known to
   * come to nothing.
   *
   * @returns whether it is closed later
   */
  closesLater(close: () => void): boolean;
  /** The socket is being destroyed; its descriptor is still open. */
  beforeClose(descriptor: number, isReset: boolean): void;
  /** The descriptor is closed. */
  afterClose(): void;
}

const ownerOf: unique symbol = Symbol('taken');
type TakenSocket = Socket & { [ownerOf]?: SocketOwner; resetAndClosing?: boolean };

/** The connection that was handed to this process as this socket; `undefined`: it came another way. */
export function takenConnectionOf(socket: Socket): TakenConnection | undefined {
  return (socket as TakenSocket)[ownerOf];
}

/** Has sockets read into a buffer that others can see: each of their bytes stands there until it is noted. */
export function readInto(buffer: Buffer): ReadsInto {
  return {
    buffer,
    callback(this: TakenSocket, length) {
      const owner = this[ownerOf];
      owner?.reads(length);
      try {
        // `ws` changes what it gets, and may keep it.
        return this.push(Buffer.from(buffer.subarray(0, length)));
      } finally {
        // The next connection reads into the same buffer.
        owner?.handles();
      }
    },
  };
}

/** Has a connection follow the end of its socket. */
export function ownSocket(socket: TakenSocket, owner: SocketOwner): void {
  socket[ownerOf] = owner;
  socket._destroy = destroyTaken;
}

/** Replaces `_destroy` of a socket. */
function destroyTaken(this: TakenSocket, error: Error | null, done: Done): void {
  const owner = this[ownerOf];
  const close = (): void => {
    const descriptor = descriptorOf(this);
    if (descriptor >= 0) owner?.beforeClose(descriptor, this.resetAndClosing === true);
    Object.getPrototypeOf(this)._destroy.call(this, error, (failure?: Error | null) => {
      owner?.afterClose();
      done(failure);
    });
  };
  if (owner?.closesLater(close) !== true) close();
}
