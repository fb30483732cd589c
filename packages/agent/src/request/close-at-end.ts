import type { Socket } from 'node:net';
import { hasEnded } from '@gopush/service';

/**
 * Closes a client that ends its side before its upgrade has a response, as nginx does (499): it has given up. No
 * event comes while the connection is not read. Steps that wait for the client see it close, and its places are free for another attempt.
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
