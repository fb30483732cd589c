import type { Socket } from 'node:net';

/** Node's state of the other side having ended. Its `end` event comes only when the stream is read. */
interface WithState extends Socket {
  readonly _readableState: { readonly ended: boolean };
}

/** Whether the other side of a connection has ended. */
export function hasEnded(socket: Socket): boolean {
  return (socket as WithState)._readableState.ended;
}

/**
 * Closes a client that ends its side before its upgrade has a response, as nginx does (499): it has given up. No event tells of that while the
 * connection is not read. Steps that wait for the client see it close, and what was kept for it is free for another attempt.
 */
export function closeAtEnd(client: Socket): void {
  client.on('readable', closeIfEnded);
  closeIfEnded.call(client);
}

/** Undoes {@link closeAtEnd} for a client that has its response: it may end its side, and read on. */
export function leaveOpen(client: Socket): void {
  client.off('readable', closeIfEnded);
}

function closeIfEnded(this: Socket): void {
  if (hasEnded(this)) this.destroy();
}
