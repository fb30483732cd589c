import type { Socket, SocketConstructorOpts } from 'node:net';

/** Node's handle of a TCP connection, as its own server makes one for each that it accepts. */
interface TcpHandle {
  /** Takes a descriptor over. @returns a negative number if it cannot */
  open(descriptor: number): number;
}

/** Type of a handle of a connection (`SOCKET` in Node's `tcp_wrap`). */
const ofConnection = 0;

type HandleClass = new (type: number) => TcpHandle;

let Handle: HandleClass | undefined;

/**
 * What makes a `net.Socket` of the descriptor of a TCP connection. With `fd` Node asks the kernel for the kind of the descriptor by several
 * calls; with a handle it knows. The class of handles is that of the first socket that was made with `fd`.
 *
 * @throws Error if Node cannot use the descriptor
 */
export function socketOptionsOf(descriptor: number): SocketConstructorOpts {
  if (Handle === undefined) return { fd: descriptor, readable: true, writable: true, allowHalfOpen: true };
  const handle = new Handle(ofConnection);
  const error = handle.open(descriptor);
  if (error !== 0) throw new Error(`a descriptor cannot be used: error ${error}`);
  return {
    handle,
    readable: true,
    writable: true,
    allowHalfOpen: true,
    // Node's constructor sets these in a copy of its options. If they are there already, V8 need not change the shape of the copy each time.
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  } as SocketConstructorOpts;
}

/** Learns the class of handles from a socket that was made with `fd`. */
export function learnHandle(socket: Socket): void {
  if (Handle !== undefined) return;
  const { _handle: handle } = socket as unknown as { readonly _handle?: object | null };
  const Class = handle?.constructor;
  if (Class?.name === 'TCP') Handle = Class as unknown as HandleClass;
}
