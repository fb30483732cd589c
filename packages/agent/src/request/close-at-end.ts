import type { Socket } from 'node:net';

/** Node's mark that the other side has ended. Its `end` event comes only when somebody reads. */
interface WithState extends Socket {
  readonly _readableState: { readonly ended: boolean };
}

/** Whether the other side of a connection has said that it sends no more. */
export function hasEnded(socket: Socket): boolean {
  return (socket as WithState)._readableState.ended;
}

/**
 * Closes a client that asked for an upgrade and ends its side before it has the answer, as nginx does (499): it has given up. Nothing else tells,
 * as nobody reads from it. Whoever waits for it, or waits on its behalf, hears of the close, and what is kept for it is free for another try.
 */
export function closeAtEnd(client: Socket): void {
  client.on('readable', closeIfEnded);
  closeIfEnded.call(client);
}

/** Leaves a client alone that has its answer: it may end its side, and read on. */
export function leaveOpen(client: Socket): void {
  client.off('readable', closeIfEnded);
}

function closeIfEnded(this: Socket): void {
  if (hasEnded(this)) this.destroy();
}
