import type { Socket } from 'node:net';

/** Node's state of a stream. It is not documented, but unchanged for ten years. */
interface WithState extends Socket {
  readonly _readableState: { readonly ended: boolean };
}

/** Whether the other side of a connection has ended. No event tells this while the socket is not read: its `end` event comes after the last byte. */
export function hasEnded(socket: Socket): boolean {
  return (socket as WithState)._readableState.ended;
}
