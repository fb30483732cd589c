import type { Socket, SocketConstructorOpts } from 'node:net';

/** Node's handle of a TCP connection, as its own server makes one for each that it accepts. */
interface TcpHandle {
  /** Takes a descriptor over. @returns a negative number if it cannot */
  open(descriptor: number): number;
}

/** Type of a handle of a connection (`SOCKET` in Node's `tcp_wrap`). */
const ofConnection = 0;

const shared = {
  readable: true,
  writable: true,
  allowHalfOpen: true,
  // Givers have set it (docs/protocol.md). Node then does nothing if a server sets it again, as `ws` does.
  noDelay: true,
} as const;

type HandleClass = new (type: number) => TcpHandle;

let Handle: HandleClass | undefined;

/** How a socket reads into a buffer that is not its own (`onread` of `net.Socket`). */
export interface ReadsInto {
  readonly buffer: Buffer;
  /** Takes the first bytes of the buffer, which are valid only during the call. @returns whether to read on */
  callback(this: Socket, length: number): boolean;
}

/**
 * What makes a `net.Socket` of the descriptor of a TCP connection. With `fd` Node asks the kernel for the kind of the descriptor by several
 * calls; with a handle it knows. The class of handles is that of the first socket that was made with `fd`.
 *
 * @param onread - absent: each read has a buffer of its own
 * @throws Error if Node cannot use the descriptor
 */
export function socketOptionsOf(descriptor: number, onread?: ReadsInto): SocketConstructorOpts {
  if (Handle === undefined) return { fd: descriptor, ...shared, onread } as SocketConstructorOpts;
  const handle = new Handle(ofConnection);
  const error = handle.open(descriptor);
  if (error !== 0) throw new Error(`a descriptor cannot be used: error ${error}`);
  return {
    handle,
    ...shared,
    onread,
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
