import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** What Node keeps of a connection. Not documented, and unchanged for ten years; docs/decisions/0005 says what is dangerous about it. */
interface WithHandle extends Socket {
  readonly _handle: { readonly fd?: number } | null;
}

/** The descriptor of a connection; negative where there is none, as after closing and on Windows. */
function descriptorOf(socket: Socket): number {
  return (socket as WithHandle)._handle?.fd ?? -1;
}

/**
 * Writes bytes to the descriptor of a connection at once. That is a third faster than the socket's own `write`, which makes two objects and a
 * callback although the kernel nearly always takes everything.
 *
 * The descriptor is asked of the live handle and used in the same breath, so it cannot be one that was closed and given to another connection
 * meanwhile. Nothing is written past bytes that wait in the socket, and nothing to a TLS socket: its descriptor is that of the connection below it,
 * where plain bytes must never go.
 *
 * @returns how many bytes the kernel took; the rest has to go through the socket's own `write`
 */
export function writeNow(socket: Socket, bytes: Buffer, length: number): number {
  if (socket.constructor !== Socket || socket.writableLength > 0) return 0;
  const descriptor = descriptorOf(socket);
  if (descriptor < 0) return 0;
  try {
    return writeSync(descriptor, bytes, 0, length);
  } catch {
    // The kernel's buffer is full, or the connection is broken. The socket's own `write` waits for the one and reports the other.
    return 0;
  }
}

/**
 * Reads bytes from the descriptor of a connection at once; of a TLS socket they are still encrypted.
 *
 * @returns how many bytes came; 0: none for now, or never again
 */
export function readNow(socket: Socket, into: Buffer): number {
  const descriptor = descriptorOf(socket);
  if (descriptor < 0) return 0;
  try {
    return readSync(descriptor, into, 0, into.length, null);
  } catch {
    return 0;
  }
}
